#include "place.c"

/* A convolution reaches the positions that see (y, x), all channels of each. Table: height, width,
   channels; rows, columns, channels of the targets; rows, columns of a kernel; strides; paddings;
   planar. Weights are (kernel row, kernel column, channel, target channel). */
static void see(snn_net *net, const struct link *link, uint32_t y, uint32_t x, uint32_t c)
{
    const uint32_t *t = link->table;
    uint32_t oy, ox, ky, kx;
    y += t[10];
    x += t[11];
    for (oy = first_window(y, t[6], t[8]); oy < t[3] && oy * t[8] <= y; oy++)
        for (ox = first_window(x, t[7], t[9]); ox < t[4] && ox * t[9] <= x; ox++) {
            ky = y - oy * t[8];
            kx = x - ox * t[9];
            run(net, link, (oy * t[4] + ox) * t[5], ((ky * t[7] + kx) * t[2] + c) * t[5], t[5]);
        }
}
