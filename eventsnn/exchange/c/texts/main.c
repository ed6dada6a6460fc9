/* Checks the network against the engine that it was made of, or replays recordings.

   Without an argument: the test vector below; prints what was found, returns 0 where all is the
   same. With the name of a file: a line is an event, "x y p t" on a sensor and "unit t" elsewhere,
   or "end t", which ends a recording and prints a line: its number, the answer, where it stopped,
   the spikes of all neurons and their digest, the scores. Behind the name, "spikes" prints each
   spike, too, and "time" how long an event took. */
#include "snn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLACED /*@placed@*/

/*@units@*/
/*@times@*/
/*@scores@*/
static snn_net net;

/* What was seen of a recording's spikes. */
struct seen {
    unsigned long count;
    uint64_t digest; /* FNV-1a over population, unit, time */
    int print;
};

static uint64_t mixed(uint64_t digest, uint32_t word)
{
    int shift;
    for (shift = 0; shift < 32; shift += 8)
        digest = (digest ^ (word >> shift & 255u)) * 0x100000001b3ull;
    return digest;
}

static void see_spike(void *context, uint32_t population, uint32_t unit, uint32_t t)
{
    struct seen *seen = context;
    seen->count++;
    seen->digest = mixed(mixed(mixed(seen->digest, population), unit), t);
    if (seen->print)
        printf("spike %lu %lu %lu\n", (unsigned long)population, (unsigned long)unit, (unsigned long)t);
}

static void begin(struct seen *seen)
{
    seen->count = 0;
    seen->digest = 0xcbf29ce484222325ull;
    snn_begin(&net);
    net.spike = see_spike;
    net.context = seen;
}

static int check(void)
{
    struct seen seen = {0, 0, 0};
    snn_score scores[SNN_CLASSES];
    uint32_t i, wrong = 0;
    int answer;
    begin(&seen);
    for (i = 0; i < /*@events@*/; i++)
        if (snn_unit(&net, test_unit[i], test_t[i]) < 0)
            wrong++;
    if (snn_end(&net, /*@end@*/) < 0)
        wrong++;
    answer = snn_answer(&net, scores);
    for (i = 0; i < SNN_CLASSES; i++)
        wrong += scores[i] != test_scores[i];
    wrong += answer != /*@answer@*/ || net.t != /*@t@*/;
    wrong += seen.count != /*@spikes@*/ || seen.digest != /*@digest@*/;
    printf("%lu spikes, answer %d at %lu us: %s\n", seen.count, answer, (unsigned long)net.t,
           wrong ? "NOT what the engine says" : "the engine's, to the bit");
    return wrong ? 1 : 0;
}

/* Events of a recording that was read. */
struct event {
    uint32_t place[3];
    uint32_t t;
};

static struct event *events;
static size_t count, room;

static void keep(struct event event)
{
    if (count == room) {
        room = room ? 2 * room : 4096;
        events = realloc(events, room * sizeof *events);
        if (!events) {
            fprintf(stderr, "no memory for %lu events\n", (unsigned long)room);
            exit(2);
        }
    }
    events[count++] = event;
}

/* Run the events that were kept; return the seconds that it took. */
static double replay(unsigned long number, uint32_t end, struct seen *seen)
{
    snn_score scores[SNN_CLASSES];
    clock_t begun;
    double seconds;
    size_t i;
    int status = 0, answer;
    begin(seen);
    begun = clock();
    for (i = 0; i < count && status >= 0; i++)
#if PLACED
        status = snn_event(&net, events[i].place[0], events[i].place[1], events[i].place[2], events[i].t);
#else
        status = snn_unit(&net, events[i].place[0], events[i].t);
#endif
    if (status >= 0)
        status = snn_end(&net, end);
    seconds = (double)(clock() - begun) / CLOCKS_PER_SEC;
    if (status < 0) {
        fprintf(stderr, "recording %lu, event %lu: status %d\n", number, (unsigned long)i, status);
        exit(1);
    }
    answer = snn_answer(&net, scores);
    printf("%lu %d %lu %lu %016llx", number, answer, (unsigned long)net.t, seen->count,
           (unsigned long long)seen->digest);
    for (i = 0; i < SNN_CLASSES; i++)
        printf(" /*@format@*/", (/*@printed@*/)scores[i]);
    printf("\n");
    count = 0;
    return seconds;
}

/* Read a line as numbers; return how many there are: 4, 1 behind "end", 0 for anything else. */
static int numbers_of(const char *text, unsigned long *n)
{
    char more;
    int k, found;
    if (sscanf(text, "end %lu %c", n, &more) == 1)
        found = 1;
#if PLACED
    else
        found = sscanf(text, "%lu %lu %lu %lu %c", n, n + 1, n + 2, n + 3, &more) == 4 ? 4 : 0;
#else
    else
        found = sscanf(text, "%lu %lu %c", n, n + 3, &more) == 2 ? 4 : 0;
#endif
    for (k = 0; k < found; k++)
        if (n[k] > UINT32_MAX)
            return 0;
    return found;
}

static int read_file(const char *name, int print, int timed)
{
    struct seen seen = {0, 0, print};
    unsigned long n[4] = {0, 0, 0, 0}, number = 0, all = 0, line = 0;
    double seconds = 0;
    char text[200];
    int found = 1;
    FILE *file = fopen(name, "r");
    while (file && found && fgets(text, sizeof text, file)) {
        line++;
        found = numbers_of(text, n);
        if (found == 1) {
            all += count;
            seconds += replay(number++, (uint32_t)n[0], &seen);
        } else if (found == 4) {
            struct event event = {{(uint32_t)n[0], (uint32_t)n[1], (uint32_t)n[2]}, (uint32_t)n[3]};
            keep(event);
        }
    }
    if (!file || ferror(file) || !found || count) {
        fprintf(stderr, "%s, line %lu: %s\n", name, line,
                !file || ferror(file) ? "cannot be read" : found ? "give an end" : "is no event");
        return 1;
    }
    fclose(file);
    if (timed && all)
        printf("time %.1f ns an event, %lu events\n", 1e9 * seconds / (double)all, all);
    return 0;
}

int main(int n, char **words)
{
    int i, print = 0, timed = 0;
    if (n < 2)
        return check();
    for (i = 2; i < n; i++) {
        print |= !strcmp(words[i], "spikes");
        timed |= !strcmp(words[i], "time");
    }
    return read_file(words[1], print, timed);
}
