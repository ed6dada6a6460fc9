/* Decay in whole numbers: a factor of 30 bits, the product of one table entry for each byte of the
   ticks that went by, each product rounded to nearest, a half up. */
struct leak {
    uint32_t rows;        /* bytes of a time that have a row */
    uint32_t cut;         /* ticks from which on nothing is left */
    uint32_t shift;       /* a tick is 2^shift microseconds */
    const int32_t *table; /* 256 entries a row, the last row fewer */
};

#define SNN_ONE ((int64_t)1 << 30)

/* Return x / 2^30 to nearest, a half up: x >> 30 of a negative number is not defined by C. */
static int32_t rounded(int64_t x)
{
    x += SNN_ONE / 2;
    return (int32_t)(x >= 0 ? x / SNN_ONE : -((-x + SNN_ONE - 1) / SNN_ONE));
}

/* Return what a potential is multiplied by from one time to another; 2^30 without a leak. */
static int32_t factor(const struct leak *leak, uint32_t from, uint32_t to)
{
    int32_t found;
    uint32_t ticks, k;
    if (!leak)
        return (int32_t)SNN_ONE;
    ticks = (to >> leak->shift) - (from >> leak->shift);
    if (ticks >= leak->cut)
        return 0;
    found = leak->table[ticks & 255];
    for (k = 1; k < leak->rows; k++)
        found = rounded((int64_t)found * leak->table[256 * k + ((ticks >> (8 * k)) & 255)]);
    return found;
}

/* Return a potential times a factor. */
static int32_t decayed(int32_t v, int32_t factor)
{
    return rounded((int64_t)v * factor);
}
