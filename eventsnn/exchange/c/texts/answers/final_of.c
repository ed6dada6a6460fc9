/* Return the potential and the integral of an output as they are at net->t. */
static snn_real final_of(const snn_net *net, uint32_t k, snn_real *integral)
{
    const struct population *p = &populations[SNN_POPULATIONS - 1];
    snn_real v = net->v[p->v + k], left, area;
    over(p->leak, net->t - net->clock[p->clock + k / p->share], &left, &area);
    *integral = net->integral[k] + v * area;
    return v * left;
}
