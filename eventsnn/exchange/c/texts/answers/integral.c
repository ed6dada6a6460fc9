#include "final_of.c"

/* The answer is the integral of each readout, in time constants, and while more may come what it
   would still gain if nothing came: its potential. */
static void read_outputs(const snn_net *net, snn_score *outputs)
{
    const struct population *p = &populations[SNN_POPULATIONS - 1];
    snn_real integral, v;
    uint32_t k;
    for (k = 0; k < SNN_CLASSES; k++) {
        v = final_of(net, k, &integral);
        outputs[k] = (double)integral / (p->leak ? p->leak->tau_us : 1.0);
        if (p->leak && !net->ended)
            outputs[k] += (double)v;
    }
}
