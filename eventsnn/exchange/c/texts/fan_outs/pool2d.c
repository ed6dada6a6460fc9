#include "place.c"

/* Pooling: the windows that hold the sender, its channel of each, through one weight. Table:
   height, width, channels; rows, columns of the targets; rows, columns of a window; strides; planar. */
static void pool2d(snn_net *net, const struct link *link, uint32_t sender)
{
    const uint32_t *t = link->table;
    uint32_t y, x, c, oy, ox;
    place(t, t[9], sender, &y, &x, &c);
    for (oy = first_window(y, t[5], t[7]); oy < t[3] && oy * t[7] <= y; oy++)
        for (ox = first_window(x, t[6], t[8]); ox < t[4] && ox * t[8] <= x; ox++)
            run(net, link, (oy * t[4] + ox) * t[2] + c, 0, 1);
}
