#ifndef SNN_H
#define SNN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*@sizes@*/
/* When to stop: at the first multiple of SNN_CHECK_US microseconds (0: never looked) at which the
   leading class leads by SNN_MARGIN. Both may be given to the compiler instead. */
#ifndef SNN_CHECK_US
#define SNN_CHECK_US /*@check_us@*/
#endif
#ifndef SNN_MARGIN
#define SNN_MARGIN /*@margin@*/
#endif

#define SNN_LAST 2147483647u /* the last microsecond of a recording: some 35 minutes */

enum {
    SNN_TAKEN = 0,    /* the event was taken */
    SNN_CLEAR = 1,    /* the answer is clear: nothing more is taken until snn_begin */
    SNN_LATE = -1,    /* before an event that was taken, beyond SNN_LAST, or behind snn_end */
    SNN_OUTSIDE = -2, /* no such place on the sensor */
    SNN_FULL = -3     /* the 256th event of one place at one microsecond; of whole numbers also more
                         than SNN_MOST_EVENTS events of a recording */
};

/* What an output says: a number of the network's arithmetic. */
typedef /*@number@*/ snn_real;
/* What scores are computed in. */
typedef /*@score@*/ snn_score;

/* A network that is running. All of its memory: allocate one anywhere, and call snn_begin. */
typedef struct snn_net {
    uint32_t t;       /* the instant whose events are collected; nothing of it has happened yet */
    uint32_t check;   /* when it is looked at next */
    uint8_t waiting;  /* whether events of t wait */
    uint8_t clear;    /* whether it was stopped: the answer was clear at t */
    uint8_t ended;    /* whether its recording ended at t */
    /* Told each spike of a neuron, or NULL; set it after snn_begin. Populations are numbered in
       the head of the C file. */
    void (*spike)(void *context, uint32_t population, uint32_t unit, uint32_t t);
    void *context;
    uint32_t low[SNN_POPULATIONS];  /* words of bits that may hold some, by population */
    uint32_t high[SNN_POPULATIONS];
    uint32_t bits[SNN_WORDS];       /* neurons that reached the threshold, then those that fire */
    uint8_t times[SNN_INPUTS];      /* events of each input at t */
    /*@state@*/
} snn_net;

/* Begin a recording at time 0, at rest. */
void snn_begin(snn_net *net);

/* Take an event of one input at t microseconds since the beginning. Events come in order of time;
   those of one microsecond in any order. What they do is done when time goes on. */
int snn_unit(snn_net *net, uint32_t unit, uint32_t t);
/*@event@*/
/* Let all happen that is before t, while nothing comes: SNN_TAKEN, SNN_CLEAR or SNN_LATE. */
int snn_until(snn_net *net, uint32_t t);

/* End the recording at t: all before t happens, and no more is to come. */
int snn_end(snn_net *net, uint32_t t);

/* Write the score of each class, as things stand just before net->t; NULL to write none. Returns
   the class with the highest score (of equal ones the lowest), -1 where the output is silent. */
int snn_answer(const snn_net *net, snn_score *scores);

/* How far the leading class leads the next one. */
/*@lead@*/ snn_lead(const snn_net *net);

#ifdef __cplusplus
}
#endif

#endif
