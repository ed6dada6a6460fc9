/* The answer is how often each output fired. */
static void read_outputs(const snn_net *net, snn_score *outputs)
{
    uint32_t k;
    for (k = 0; k < SNN_CLASSES; k++)
        outputs[k] = (snn_score)net->counts[k];
}
