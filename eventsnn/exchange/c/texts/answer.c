/* ---- What the output says. ---- */

/*@reading@*/

int snn_answer(const snn_net *net, snn_score *scores)
{
    snn_score found[SNN_CLASSES];
    uint32_t k, best = 0;
    int silent = 1;
    read_outputs(net, found);
    for (k = 0; k < SNN_CLASSES; k++) {
        /*@scaled@*/
        silent &= found[k] == 0;
        if (found[k] > found[best])
            best = k;
        if (scores)
            scores[k] = found[k];
    }
    return silent ? -1 : (int)best;
}

/*@lead@*/ snn_lead(const snn_net *net)
{
    snn_score scores[SNN_CLASSES], next = 0;
    uint32_t k, best = 0, others = 0;
    snn_answer(net, scores);
    for (k = 1; k < SNN_CLASSES; k++)
        if (scores[k] > scores[best])
            best = k;
    for (k = 0; k < SNN_CLASSES; k++)
        if (k != best && (!others++ || scores[k] > next))
            next = scores[k];
    return (/*@lead@*/)(scores[best] - next);
}

/* Whether the answer is clear. */
static int leads(const snn_net *net)
{
    const /*@lead@*/ lead = snn_lead(net);
    return lead > 0 && lead >= SNN_MARGIN;
}
