// What PPO's arithmetic costs at least: a hand-blocked update and inference of two 64-64 tanh networks in f32, on one or more
// threads. The mathematics is PPO's usual: clipped surrogate, squared value error, normalised advantages, clipped gradient,
// Adam. Nothing here is general: no checks, no schedules, no report.
//
// ppo_bound OBSERVATION ACTION ROWS MINIBATCH EPOCHS THREADS
// reads commands and answers each with nanoseconds: `u` one update over all rows; `i K` K times the inference of both networks
// over all rows, each thread its share.
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { UNITS = 64, LANES = 16, MOST_ROWS = 8192, MOST_INPUTS = 256, MOST_THREADS = 16 };
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));

// out[m][0 .. 16 V) = bias + sum over k of left[m * row + k * column] * right[k * V * 16 ..], four rows at a time
#define PRODUCT(NAME, V)                                                                                       \
    static void NAME(float *out, const float *left, long row, long column, const float *right,                \
                     const float *bias, int rows, int inner) {                                                 \
        int m = 0;                                                                                             \
        for (; m + 4 <= rows; m += 4) {                                                                        \
            lanes sum[4][V];                                                                                   \
            _Pragma("GCC unroll 4") for (int r = 0; r < 4; r++)                                                \
                _Pragma("GCC unroll 4") for (int v = 0; v < V; v++)                                            \
                    sum[r][v] = bias ? *(const lanes *)(bias + LANES * v) : (lanes){0};                        \
            for (int k = 0; k < inner; k++) {                                                                  \
                lanes b[V];                                                                                    \
                _Pragma("GCC unroll 4") for (int v = 0; v < V; v++)                                            \
                    b[v] = *(const lanes *)(right + (long)k * V * LANES + LANES * v);                          \
                _Pragma("GCC unroll 4") for (int r = 0; r < 4; r++) {                                          \
                    float a = left[(m + r) * row + k * column];                                                \
                    _Pragma("GCC unroll 4") for (int v = 0; v < V; v++) sum[r][v] += a * b[v];                 \
                }                                                                                              \
            }                                                                                                  \
            _Pragma("GCC unroll 4") for (int r = 0; r < 4; r++)                                                \
                _Pragma("GCC unroll 4") for (int v = 0; v < V; v++)                                            \
                    *(lanes *)(out + (long)(m + r) * V * LANES + LANES * v) = sum[r][v];                       \
        }                                                                                                      \
        for (; m < rows; m++) {                                                                                \
            lanes sum[V];                                                                                      \
            _Pragma("GCC unroll 4") for (int v = 0; v < V; v++)                                                \
                sum[v] = bias ? *(const lanes *)(bias + LANES * v) : (lanes){0};                               \
            for (int k = 0; k < inner; k++) {                                                                  \
                float a = left[m * row + k * column];                                                          \
                _Pragma("GCC unroll 4") for (int v = 0; v < V; v++)                                            \
                    sum[v] += a * *(const lanes *)(right + (long)k * V * LANES + LANES * v);                   \
            }                                                                                                  \
            _Pragma("GCC unroll 4") for (int v = 0; v < V; v++)                                                \
                *(lanes *)(out + (long)m * V * LANES + LANES * v) = sum[v];                                    \
        }                                                                                                      \
    }
PRODUCT(product_wide, 4)
PRODUCT(product_narrow, 1)

static void hyperbolic(float *x, long count) {
    for (long i = 0; i < count; i++) {
        float e = expf(2 * x[i]);
        x[i] = 1 - 2 / (e + 1);
    }
}

typedef struct {
    float w1[MOST_INPUTS * UNITS], b1[UNITS], w2[UNITS * UNITS], b2[UNITS], w3[UNITS * LANES], b3[LANES];
} Network;

// Networks as flat lists of the parameters in use, so that Adam touches no others.
typedef struct {
    Network policy, value;
    float log_std[LANES];
} Model;

typedef struct {
    float h1[MOST_ROWS * UNITS], h2[MOST_ROWS * UNITS], y[MOST_ROWS * LANES];
    float d1[MOST_ROWS * UNITS], d2[MOST_ROWS * UNITS], dy[MOST_ROWS * LANES];
} Pass;

static void forward(const Network *n, Pass *p, const float *x, int rows, int inputs) {
    product_wide(p->h1, x, inputs, 1, n->w1, n->b1, rows, inputs);
    hyperbolic(p->h1, (long)rows * UNITS);
    product_wide(p->h2, p->h1, UNITS, 1, n->w2, n->b2, rows, UNITS);
    hyperbolic(p->h2, (long)rows * UNITS);
    product_narrow(p->y, p->h2, UNITS, 1, n->w3, n->b3, rows, UNITS);
}

static void column_sums(float *sums, const float *d, int rows, int columns) {
    memset(sums, 0, columns * sizeof *sums);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) sums[j] += d[(long)i * columns + j];
}

static void backward(const Network *n, Network *g, Pass *p, const float *x, int outputs, int rows, int inputs) {
    float t3[LANES * UNITS], t2[UNITS * UNITS];
    for (int i = 0; i < UNITS; i++)
        for (int j = 0; j < LANES; j++) t3[j * UNITS + i] = n->w3[i * LANES + j];
    for (int i = 0; i < UNITS; i++)
        for (int j = 0; j < UNITS; j++) t2[j * UNITS + i] = n->w2[i * UNITS + j];
    product_narrow(g->w3, p->h2, 1, UNITS, p->dy, 0, UNITS, rows);
    column_sums(g->b3, p->dy, rows, LANES);
    product_wide(p->d2, p->dy, LANES, 1, t3, 0, rows, outputs);
    for (long i = 0; i < (long)rows * UNITS; i++) p->d2[i] *= 1 - p->h2[i] * p->h2[i];
    product_wide(g->w2, p->h1, 1, UNITS, p->d2, 0, UNITS, rows);
    column_sums(g->b2, p->d2, rows, UNITS);
    product_wide(p->d1, p->d2, UNITS, 1, t2, 0, rows, UNITS);
    for (long i = 0; i < (long)rows * UNITS; i++) p->d1[i] *= 1 - p->h1[i] * p->h1[i];
    product_wide(g->w1, x, 1, inputs, p->d1, 0, inputs, rows);
    column_sums(g->b1, p->d1, rows, UNITS);
}

typedef struct {
    Model gradient;
    Pass policy, value;
    float x[MOST_ROWS * MOST_INPUTS], action[MOST_ROWS * LANES], log_density[MOST_ROWS], advantage[MOST_ROWS], sum[MOST_ROWS];
} Worker;

static int inputs, actions, rows, minibatch, epochs, threads;
static Model model, mean, square;
static Worker *workers;
static float *x, *action, *log_density, *advantage, *sum;
static int *order;
static long steps;
static atomic_int arrived, phase;

static void meet(void) {
    int now = atomic_load(&phase);
    if (atomic_fetch_add(&arrived, 1) == threads - 1) {
        atomic_store(&arrived, 0);
        atomic_fetch_add(&phase, 1);
    } else {
        while (atomic_load(&phase) == now) __builtin_ia32_pause();
    }
}

static uint64_t state = 88172645463325252ull;
static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}
static float uniform(void) { return (float)(draw() >> 40) / 8388608.0f - 1; }

// The gradient of `count` rows of a minibatch, into the worker's own.
static void compute(Worker *w, const int *index, int count, float center, float scale) {
    for (int i = 0; i < count; i++) {
        long r = index[i];
        memcpy(w->x + (long)i * inputs, x + r * inputs, inputs * sizeof *x);
        memcpy(w->action + (long)i * actions, action + r * actions, actions * sizeof *action);
        w->log_density[i] = log_density[r];
        w->advantage[i] = (advantage[r] - center) * scale;
        w->sum[i] = sum[r];
    }
    forward(&model.policy, &w->policy, w->x, count, inputs);
    forward(&model.value, &w->value, w->x, count, inputs);
    float precision[LANES], log_std_gradient[LANES] = {0}, base = 0, share = 1.0f / minibatch;
    for (int j = 0; j < actions; j++) {
        precision[j] = expf(-model.log_std[j]);
        base -= model.log_std[j] + 0.9189385f;
    }
    memset(w->policy.dy, 0, (long)count * LANES * sizeof(float));
    memset(w->value.dy, 0, (long)count * LANES * sizeof(float));
    for (int i = 0; i < count; i++) {
        float density = base, z[LANES];
        for (int j = 0; j < actions; j++) {
            z[j] = (w->action[i * actions + j] - w->policy.y[i * LANES + j]) * precision[j];
            density -= 0.5f * z[j] * z[j];
        }
        float ratio = expf(density - w->log_density[i]), a = w->advantage[i];
        if (a > 0 ? ratio <= 1.2f : ratio >= 0.8f)
            for (int j = 0; j < actions; j++) {
                w->policy.dy[i * LANES + j] = -a * ratio * share * z[j] * precision[j];
                log_std_gradient[j] -= a * ratio * share * (z[j] * z[j] - 1);
            }
        w->value.dy[i * LANES] = share * (w->value.y[i * LANES] - w->sum[i]);
    }
    backward(&model.policy, &w->gradient.policy, &w->policy, w->x, actions, count, inputs);
    backward(&model.value, &w->gradient.value, &w->value, w->x, 1, count, inputs);
    memcpy(w->gradient.log_std, log_std_gradient, sizeof log_std_gradient);
}

// The parts of a model that are in use: offsets and lengths in floats.
static int ranges(long (*range)[2]) {
    const Model *m = 0;
    const Network *nets[2] = {&m->policy, &m->value};
    int count = 0;
    for (int k = 0; k < 2; k++) {
        long base = (const char *)nets[k] - (const char *)m;
        range[count][0] = base / 4, range[count++][1] = (long)inputs * UNITS;
        range[count][0] = (base + offsetof(Network, b1)) / 4, range[count++][1] = (sizeof(Network) - offsetof(Network, b1)) / 4;
    }
    range[count][0] = offsetof(Model, log_std) / 4, range[count++][1] = LANES;
    return count;
}

static void descend(int id) {
    long range[5][2];
    int count = ranges(range);
    float *g[MOST_THREADS], *p = (float *)&model, *m = (float *)&mean, *v = (float *)&square;
    for (int t = 0; t < threads; t++) g[t] = (float *)&workers[t].gradient;
    float norm = 0;
    for (int k = 0; k < count; k++)
        for (long i = range[k][0]; i < range[k][0] + range[k][1]; i++) {
            float total = g[0][i];
            for (int t = 1; t < threads; t++) total += g[t][i];
            norm += total * total;
        }
    float clip = fminf(1, 0.5f / (sqrtf(norm) + 1e-6f)), t = steps + 1;
    float c1 = 1 / (1 - powf(0.9f, t)), c2 = 1 / (1 - powf(0.999f, t));
    for (int k = 0; k < count; k++) {
        long from = range[k][0] + range[k][1] * id / threads, to = range[k][0] + range[k][1] * (id + 1) / threads;
        for (long i = from; i < to; i++) {
            float total = g[0][i];
            for (int t = 1; t < threads; t++) total += g[t][i];
            total *= clip;
            m[i] = 0.9f * m[i] + 0.1f * total;
            v[i] = 0.999f * v[i] + 0.001f * total * total;
            p[i] -= 3e-4f * m[i] * c1 / (sqrtf(v[i] * c2) + 1e-5f);
        }
    }
}

static void *update(void *argument) {
    int id = (int)(long)argument, share = minibatch / threads;
    for (int epoch = 0; epoch < epochs; epoch++) {
        if (id == 0)
            for (int i = rows - 1; i > 0; i--) {
                int j = draw() % (i + 1), swapped = order[i];
                order[i] = order[j], order[j] = swapped;
            }
        if (threads > 1) meet();
        for (int start = 0; start + minibatch <= rows; start += minibatch) {
            float total = 0, squares = 0;
            for (int i = 0; i < minibatch; i++) {
                float a = advantage[order[start + i]];
                total += a, squares += a * a;
            }
            float center = total / minibatch;
            float scale = 1 / (sqrtf(fmaxf(squares / minibatch - center * center, 0)) + 1e-8f);
            compute(&workers[id], order + start + id * share, share, center, scale);
            if (threads > 1) meet();
            descend(id);
            if (threads > 1) meet();
            if (id == 0) steps++;
            if (threads > 1) meet();
        }
    }
    return 0;
}

static int repeats;
static void *infer(void *argument) {
    int id = (int)(long)argument, share = rows / threads, batch = 64;
    for (int k = 0; k < repeats; k++)
        for (int start = id * share; start < (id + 1) * share; start += batch) {
            int count = start + batch <= (id + 1) * share ? batch : (id + 1) * share - start;
            forward(&model.policy, &workers[id].policy, x + (long)start * inputs, count, inputs);
            forward(&model.value, &workers[id].value, x + (long)start * inputs, count, inputs);
        }
    return 0;
}

static double timed(void *(*work)(void *)) {
    struct timespec from, to;
    pthread_t helper[MOST_THREADS];
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long t = 1; t < threads; t++) pthread_create(&helper[t], 0, work, (void *)t);
    work(0);
    for (int t = 1; t < threads; t++) pthread_join(helper[t], 0);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec);
}

int main(int count, char **words) {
    if (count != 7) return 2;
    int *numbers[6] = {&inputs, &actions, &rows, &minibatch, &epochs, &threads};
    for (int i = 0; i < 6; i++) *numbers[i] = atoi(words[i + 1]);
    if (inputs > MOST_INPUTS || actions > LANES || minibatch > MOST_ROWS || threads > MOST_THREADS) return 2;
    workers = calloc(threads, sizeof *workers);
    float **arrays[5] = {&x, &action, &log_density, &advantage, &sum};
    long sizes[5] = {inputs, actions, 1, 1, 1};
    for (int k = 0; k < 5; k++) {
        *arrays[k] = malloc(rows * sizes[k] * sizeof(float));
        for (long i = 0; i < rows * sizes[k]; i++) (*arrays[k])[i] = uniform();
    }
    order = malloc(rows * sizeof *order);
    for (int i = 0; i < rows; i++) order[i] = i, log_density[i] -= 0.9189385f * actions;
    float *layers[4] = {model.policy.w1, model.policy.w2, model.value.w1, model.value.w2};
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < (k % 2 ? UNITS : inputs) * UNITS; i++) layers[k][i] = 0.1f * uniform();
    for (int i = 0; i < UNITS; i++) {
        for (int j = 0; j < actions; j++) model.policy.w3[i * LANES + j] = 0.1f * uniform();
        model.value.w3[i * LANES] = 0.1f * uniform();
    }
    char command;
    while (scanf(" %c", &command) == 1) {
        if (command == 'i' && scanf("%d", &repeats) != 1) return 2;
        printf("%.0f\n", timed(command == 'u' ? update : infer));
        fflush(stdout);
    }
    return 0;
}
