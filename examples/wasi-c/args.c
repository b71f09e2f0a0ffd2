/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plain C program for "vudo run": prints its arguments and the variable GREETING.
 *
 *   vudo run args.wasm --env GREETING=hello -- one two
 *
 * Its exit code is the number of arguments; without any it is 64 and says so on stderr. With the
 * one argument "clock" it prints 1 when the clock runs.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv) {
    if (argc < 2) {
        fputs("usage: args WORD...\n", stderr);
        return 64;
    }
    if (argc == 2 && strcmp(argv[1], "clock") == 0) {
        struct timespec start, now;
        clock_gettime(CLOCK_MONOTONIC, &start);
        clock_gettime(CLOCK_MONOTONIC, &now);
        printf("%d\n", time(NULL) > 1600000000 && now.tv_sec >= start.tv_sec);
        return 0;
    }
    const char *greeting = getenv("GREETING");
    printf("%s:", greeting != NULL ? greeting : "(none)");
    for (int i = 0; i < argc; i++) printf(" [%s]", argv[i]);
    printf("\n");
    return argc - 1;
}
