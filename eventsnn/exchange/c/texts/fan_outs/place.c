/* Where a unit of a map stands: "planar" ones are ordered (channel, y, x), others (y, x, channel). */
static void place(const uint32_t *size, uint32_t planar, uint32_t unit, uint32_t *y, uint32_t *x, uint32_t *c)
{
    uint32_t height = size[0], width = size[1], channels = size[2];
    *c = planar ? unit / (height * width) : unit % channels;
    *y = planar ? unit / width % height : unit / (channels * width);
    *x = planar ? unit % width : unit / channels % width;
}

/* The first window of a side that sees a place: windows of `window` places begin every `stride`. */
static uint32_t first_window(uint32_t place, uint32_t window, uint32_t stride)
{
    return place < window ? 0 : (place - window) / stride + 1;
}
