#include "spiking.c"

/* IF: the potential keeps what it was given. */
static void if_receive(snn_net *net, const struct population *p, uint32_t first, const snn_weight *weights, uint32_t n)
{
    add(net, p, first, weights, n);
}

static void if_settle(snn_net *net, const struct population *p)
{
    spiking_settle(net, p);
}
