// A kernel of MeteringBenchmark: a script with objects, strings and a closure, interpreted.
// The file build beside this one makes it.
#include <stdint.h>
#include <string.h>
#include "quickjs.h"

static const char SCRIPT[] =
    "(function (n) {\n"
    "  const points = [];\n"
    "  const add = by => x => (x + by) | 0;\n"
    "  const step = add(7);\n"
    "  let sum = 0;\n"
    "  for (let i = 0; i < n; i++) {\n"
    "    const p = { x: i, y: i * 0.5, name: 'p' + (i & 15) };\n"
    "    points[i & 63] = p;\n"
    "    const other = points[(i * 31) & 63];\n"
    "    if (other !== undefined) sum = step((sum + p.x * 3 + other.y + p.name.length) | 0);\n"
    "  }\n"
    "  return sum;\n"
    "})";

static JSContext *context;
static JSValue function;

__attribute__((export_name("run"))) int run(int n) {
  if (context == NULL) {
    JSRuntime *runtime = JS_NewRuntime();
    JS_SetMemoryLimit(runtime, 8 << 20);
    context = JS_NewContext(runtime);
    function = JS_Eval(context, SCRIPT, strlen(SCRIPT), "kernel.js", JS_EVAL_TYPE_GLOBAL);
  }
  JSValue argument = JS_NewInt32(context, n);
  JSValue result = JS_Call(context, function, JS_UNDEFINED, 1, &argument);
  int32_t answer = -1;
  if (JS_IsException(result) || JS_ToInt32(context, &answer, result) != 0) {
    __builtin_trap();
  }
  return answer;
}

// What the C library would import. A script that only computes needs none of it.

int32_t __imported_wasi_snapshot_preview1_clock_time_get(int32_t clock, int64_t precision, int32_t time) {
  *(int64_t *)time = 0;
  return 0;
}

int32_t __imported_wasi_snapshot_preview1_fd_close(int32_t fd) { return 8; }

int32_t __imported_wasi_snapshot_preview1_fd_seek(
    int32_t fd, int64_t offset, int32_t whence, int32_t position) {
  return 8;
}

int32_t __imported_wasi_snapshot_preview1_fd_write(
    int32_t fd, int32_t vectors, int32_t count, int32_t written) {
  return 8;
}
