/* exp(-gap / tau), by definition a product of two table entries for gaps below 2^20 us. Beyond,
   where it is not 0 to the last bit of a potential, it is libm's. */
struct leak {
    const double *fine;   /* exp(-i / tau) for i < 1024 */
    const double *coarse; /* exp(-1024 i / tau) for i < 1024 */
    double tau_us;
    int vanishes;         /* whether nothing is left behind 2^20 us */
};

static double decay(const struct leak *leak, uint32_t gap)
{
    if (gap < (uint32_t)1 << 20)
        return leak->coarse[gap >> 10] * leak->fine[gap & 1023];
#if SNN_LIBM
    if (!leak->vanishes)
        return exp(-(double)gap / leak->tau_us);
#endif
    return 0.0;
}
