
int snn_event(snn_net *net, uint32_t x, uint32_t y, uint32_t p, uint32_t t)
{
    if (x >= SNN_WIDTH || y >= SNN_HEIGHT || p >= SNN_POLARITIES)
        return SNN_OUTSIDE;
    return snn_unit(net, (p * SNN_HEIGHT + y) * SNN_WIDTH + x, t);
}
