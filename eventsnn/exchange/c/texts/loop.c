/* ---- The machine: instant after instant, population after population. ---- */

/* Deliver all spikes of a connection's source, in order of unit. */
static void deliver(snn_net *net, const struct link *link)
{
    const struct population *from = &populations[link->source];
    uint32_t word, unit, rest, again;
    for (word = net->low[from->index]; word <= net->high[from->index]; word++) {
        for (rest = net->bits[from->bits + word]; rest; rest &= rest - 1) {
            unit = 32 * word + lowest_bit(rest);
            again = from->index == 0 ? net->times[unit] : 1;
            while (again--)
                link->fan_out(net, link, unit);
        }
    }
}

/* Clear the bits of a population, and of the input its counts. */
static void forget(snn_net *net, const struct population *p)
{
    uint32_t word, rest;
    for (word = net->low[p->index]; word <= net->high[p->index]; word++) {
        if (p->index == 0)
            for (rest = net->bits[p->bits + word]; rest; rest &= rest - 1)
                net->times[32 * word + lowest_bit(rest)] = 0;
        net->bits[p->bits + word] = 0;
    }
    net->low[p->index] = UINT32_MAX;
    net->high[p->index] = 0;
}

/* Work off the instant net->t: a population takes all its deliveries, then each neuron is tested
   once; what fires goes on to populations behind it in the same instant. */
static void happen(snn_net *net)
{
    uint32_t i, link = 0;
    for (i = 1; i < SNN_POPULATIONS; i++) {
        for (; link < SNN_LINKS && links[link].target == i; link++)
            deliver(net, &links[link]);
        populations[i].settle(net, &populations[i]);
    }
    for (i = 0; i < SNN_POPULATIONS; i++)
        forget(net, &populations[i]);
    net->waiting = 0;
}

/* Go on to t, from check to check; stop at the first one at which the answer is clear. */
static int advance(snn_net *net, uint32_t t, int ends)
{
    if (net->clear)
        return SNN_CLEAR;
    if (net->ended || t < net->t || t > SNN_LAST)
        return SNN_LATE;
    while (SNN_CHECK_US && (net->check < t || (net->check == t && !ends))) {
        if (net->waiting && net->t < net->check)
            happen(net);
        net->t = net->check;
        net->check += SNN_CHECK_US;
        if (leads(net)) {
            net->clear = 1;
            return SNN_CLEAR;
        }
    }
    if (net->waiting && net->t < t)
        happen(net);
    net->t = t;
    return SNN_TAKEN;
}

void snn_begin(snn_net *net)
{
    uint32_t i;
    memset(net, 0, sizeof *net);
    net->spike = 0;
    net->context = 0;
    net->check = SNN_CHECK_US;
    for (i = 0; i < SNN_POPULATIONS; i++)
        net->low[i] = UINT32_MAX;
#if SNN_COUNTED
    for (i = 0; i < SNN_CLASSES; i++)
        net->first[i] = UINT32_MAX;
#endif
}

int snn_unit(snn_net *net, uint32_t unit, uint32_t t)
{
    int status;
    if (unit >= SNN_INPUTS)
        return SNN_OUTSIDE;
    status = advance(net, t, 0);
    if (status != SNN_TAKEN)
        return status;
    if (net->times[unit] == UINT8_MAX)
        return SNN_FULL;
#ifdef SNN_MOST_EVENTS
    if (net->events >= SNN_MOST_EVENTS)
        return SNN_FULL;
    net->events++;
#endif
    if (!net->times[unit]++)
        mark(net, &populations[0], unit);
    net->waiting = 1;
    return SNN_TAKEN;
}

int snn_until(snn_net *net, uint32_t t)
{
    return advance(net, t, 0);
}

int snn_end(snn_net *net, uint32_t t)
{
    int status = advance(net, t, 1);
    if (status == SNN_TAKEN)
        net->ended = 1;
    return status;
}
