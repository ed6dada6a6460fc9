/* The answer is who fired first: the time of each first spike, and one SNN_SCALE_US later than the
   last of them for who did not; all 0 where nobody did. */
static void read_outputs(const snn_net *net, snn_score *outputs)
{
    double last = 0.0, silent = 1.0;
    uint32_t k;
    for (k = 0; k < SNN_CLASSES; k++)
        if (net->first[k] != UINT32_MAX) {
            silent = 0.0;
            if ((double)net->first[k] > last)
                last = (double)net->first[k];
        }
    for (k = 0; k < SNN_CLASSES; k++) {
        outputs[k] = net->first[k] != UINT32_MAX ? (double)net->first[k] : last + SNN_SCALE_US;
        outputs[k] = silent ? 0.0 : -outputs[k] / SNN_SCALE_US;
    }
}
