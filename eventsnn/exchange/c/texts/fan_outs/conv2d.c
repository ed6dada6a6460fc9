#include "see.c"

/* Convolution. */
static void conv2d(snn_net *net, const struct link *link, uint32_t sender)
{
    uint32_t y, x, c;
    place(link->table, link->table[12], sender, &y, &x, &c);
    see(net, link, y, x, c);
}
