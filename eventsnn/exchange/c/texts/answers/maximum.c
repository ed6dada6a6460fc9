/* The answer is the highest potential that each readout has had. */
static void read_outputs(const snn_net *net, snn_score *outputs)
{
    uint32_t k;
    for (k = 0; k < SNN_CLASSES; k++)
        outputs[k] = (snn_score)net->maximum[k];
}
