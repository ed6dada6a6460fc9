#include <string.h>

/* Whole numbers all the way: nothing is rounded but where it is written, and nothing can overflow
   within SNN_MOST_EVENTS events of a recording (the library derives that from the weights). */
#define SNN_WHOLE 1

typedef /*@weight@*/ snn_weight;
typedef /*@index@*/ snn_index;

/* What a weight adds to a potential of a neuron that fires: without a leak it has no bits behind the
   point as a rule, and nothing is multiplied. */
#if /*@scaled@*/
#define SNN_ADDED(p, weight) ((snn_real)(weight) * (p)->scale)
#else
#define SNN_ADDED(p, weight) ((void)(p), (snn_real)(weight))
#endif
