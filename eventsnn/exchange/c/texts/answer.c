/* ---- What the output says. ---- */

/*@reading@*/

int snn_answer(const snn_net *net, snn_score *scores)
{
    double found[SNN_CLASSES];
    uint32_t k, best = 0;
    int silent = 1;
    read_outputs(net, found);
    for (k = 0; k < SNN_CLASSES; k++) {
        found[k] *= SNN_GAIN;
        silent &= found[k] == 0.0;
        if (found[k] > found[best])
            best = k;
        if (scores)
            scores[k] = found[k];
    }
    return silent ? -1 : (int)best;
}

float snn_lead(const snn_net *net)
{
    double scores[SNN_CLASSES], top, next;
    uint32_t k;
    snn_answer(net, scores);
    top = scores[0];
    next = SNN_CLASSES > 1 ? -DBL_MAX : 0.0;
    for (k = 1; k < SNN_CLASSES; k++) {
        if (scores[k] > top) {
            next = top;
            top = scores[k];
        } else if (scores[k] > next)
            next = scores[k];
    }
    return (float)(top - next);
}

/* Whether the answer is clear. */
static int leads(const snn_net *net)
{
    float lead = snn_lead(net);
    return lead > 0 && (double)lead >= SNN_MARGIN;
}
