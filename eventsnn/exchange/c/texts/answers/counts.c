/* The answer is how often each output fired. */
static void read_outputs(const snn_net *net, double *outputs)
{
    uint32_t k;
    for (k = 0; k < SNN_CLASSES; k++)
        outputs[k] = (double)net->counts[k];
}
