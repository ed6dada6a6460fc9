/* Return the potential of an output as it is at net->t. */
static snn_real final_of(const snn_net *net, uint32_t k)
{
    const struct population *p = &populations[SNN_POPULATIONS - 1];
    const uint32_t clock = net->clock[p->clock + k / p->share];
    return decayed(net->v[p->v + k], factor(p->leak, clock, net->t));
}
