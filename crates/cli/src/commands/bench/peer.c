/* What a person would write in C for `reward.py`: one environment after the other, libm's functions.

   peer N: reads 13 rows of N floats, writes the N totals, then for every count read evaluates that often and writes the
   nanoseconds it took. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static float distance(const float *restrict a, const float *restrict b, int n, int i) {
    float x = a[i] - b[i], y = a[n + i] - b[n + i], z = a[2 * n + i] - b[2 * n + i];
    return sqrtf(x * x + y * y + z * z);
}

__attribute__((noinline)) static void evaluate(
    int n, const float *restrict object, const float *restrict goal, const float *restrict gripper,
    const float *restrict action, float *restrict total, float *restrict terms) {
    for (int i = 0; i < n; i++) {
        float reach_distance = distance(object, gripper, n, i);
        float goal_distance = distance(object, goal, n, i);
        float reach = expf(-5.0f * reach_distance);
        float near = 1.0f - tanhf(4.0f * goal_distance);
        float effort = 0.0f;
        for (int k = 0; k < 4; k++) effort += action[k * n + i] * action[k * n + i];
        effort = effort > 4.0f ? 4.0f : effort;
        float bonus = goal_distance < 0.05f ? 1.0f : 0.0f;
        total[i] = reach + 2.0f * near - 0.01f * effort + bonus;
        terms[i] = reach;
        terms[n + i] = near;
        terms[2 * n + i] = effort;
        terms[3 * n + i] = bonus;
    }
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 0;
    float *in = malloc(13 * sizeof(float) * (size_t)n), *out = malloc(5 * sizeof(float) * (size_t)n);
    if (n < 1 || !in || !out) return 1;
    for (int i = 0; i < 13 * n; i++)
        if (scanf("%f", &in[i]) != 1) return 1;
    /* In the order of their names. */
    const float *action = in, *goal = in + 4 * n, *gripper = in + 7 * n, *object = in + 10 * n;
    evaluate(n, object, goal, gripper, action, out, out + n);
    for (int i = 0; i < n; i++) printf("%.9g\n", out[i]);
    fflush(stdout);
    for (long count; scanf("%ld", &count) == 1;) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (long k = 0; k < count; k++) evaluate(n, object, goal, gripper, action, out, out + n);
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%.0f\n", (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec));
        fflush(stdout);
    }
    return 0;
}
