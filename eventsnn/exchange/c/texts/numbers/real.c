#include <float.h>
#include <string.h>

#define SNN_WHOLE 0

/* Sums are rounded where they are written, and not fused: else other spikes would come. ISO modes
   of gcc (-std=c99) never fuse; these lines say so in others. */
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "sums are computed in another order here: leave -ffast-math, -Ofast and their like out"
#endif
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "floats are computed in another precision here (x87?): give -mfpmath=sse, or its like"
#endif
#if DBL_MANT_DIG != 53 || FLT_MANT_DIG != 24
#error "float and double are not those of IEEE 754 here: export a network of integers"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#define SNN_LIBM /*@libm@*/
#if SNN_LIBM
#include <math.h>
#endif

#define SNN_GAIN /*@gain@*/
#define SNN_SCALE_US /*@scale@*/

typedef /*@weight@*/ snn_weight;
typedef /*@index@*/ snn_index;

/* What a weight adds to a potential. */
#define SNN_ADDED(p, weight) ((void)(p), (weight))
