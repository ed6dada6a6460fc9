#include "see.c"

/* A convolution of averages: a spike is a share of the average of its window, which is in the
   weights. Behind the table of a convolution stand rows and columns of a window, then those of the
   averages; what fills no window is not seen. */
static void mean_conv2d(snn_net *net, const struct link *link, uint32_t sender)
{
    const uint32_t *t = link->table;
    uint32_t y, x, c;
    place(t, t[12], sender, &y, &x, &c);
    y /= t[13];
    x /= t[14];
    if (y < t[15] && x < t[16])
        see(net, link, y, x, c);
}
