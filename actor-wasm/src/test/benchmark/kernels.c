// Kernels of MeteringBenchmark. Each export takes a size and answers a checksum. Built with
//   clang --target=wasm32 -O2 -nostdlib -fno-builtin -Wl,--no-entry -Wl,--strip-all \
//     -o src/test/resources/benchmark/kernels.wasm src/test/benchmark/kernels.c
#define EXPORT(name) __attribute__((export_name(#name))) int name(int n)

typedef unsigned int u32;
typedef unsigned char u8;

static u32 seed;

static u32 random(void) {
  seed = seed * 1664525u + 1013904223u;
  return seed >> 8;
}

// SHA-256 of n KiB.

static const u32 K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static u8 block[64];
static u32 state[8];

#define ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

__attribute__((noinline)) static void compress(void) {
  u32 w[64];
  for (int i = 0; i < 16; i++) {
    w[i] = (u32)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
  }
  for (int i = 16; i < 64; i++) {
    u32 a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (ROTR(a, 7) ^ ROTR(a, 18) ^ (a >> 3)) +
           (ROTR(b, 17) ^ ROTR(b, 19) ^ (b >> 10));
  }
  u32 a = state[0], b = state[1], c = state[2], d = state[3];
  u32 e = state[4], f = state[5], g = state[6], h = state[7];
#pragma clang loop unroll(disable)
  for (int i = 0; i < 64; i++) {
    u32 t = h + (ROTR(e, 6) ^ ROTR(e, 11) ^ ROTR(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
    u32 s = (ROTR(a, 2) ^ ROTR(a, 13) ^ ROTR(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t, d = c, c = b, b = a, a = t + s;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

EXPORT(sha256) {
  for (int i = 0; i < 8; i++) {
    state[i] = K[i];
  }
  for (int i = 0; i < 16 * n; i++) {
    for (int j = 0; j < 64; j++) {
      block[j] = i + j;
    }
    compress();
  }
  return state[0];
}

// Product of n x n matrices of f64.

static double A[256 * 256], B[256 * 256], C[256 * 256];

EXPORT(matmul) {
  seed = 1;
  for (int i = 0; i < n * n; i++) {
    A[i] = random() / 65536.0;
    B[i] = random() / 65536.0;
  }
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < n; j++) {
      double sum = 0;
      for (int k = 0; k < n; k++) {
        sum += A[i * n + k] * B[k * n + j];
      }
      C[i * n + j] = sum;
    }
  }
  double trace = 0;
  for (int i = 0; i < n; i++) {
    trace += C[i * n + i];
  }
  return (int)(long long)trace;
}

// Bodies that attract each other, n steps: f64 with sqrt and div, results stored each step.

static double X[5], Y[5], Z[5], VX[5], VY[5], VZ[5];

__attribute__((noinline)) static double root(double x) { return __builtin_sqrt(x); }

EXPORT(nbody) {
  seed = 7;
  for (int i = 0; i < 5; i++) {
    X[i] = random() / 1e6, Y[i] = random() / 1e6, Z[i] = random() / 1e6;
    VX[i] = VY[i] = VZ[i] = 0;
  }
  for (int step = 0; step < n; step++) {
    for (int i = 0; i < 5; i++) {
      for (int j = i + 1; j < 5; j++) {
        double dx = X[i] - X[j], dy = Y[i] - Y[j], dz = Z[i] - Z[j];
        double d2 = dx * dx + dy * dy + dz * dz + 0.01;
        double m = 0.001 / (d2 * root(d2));
        VX[i] -= dx * m, VY[i] -= dy * m, VZ[i] -= dz * m;
        VX[j] += dx * m, VY[j] += dy * m, VZ[j] += dz * m;
      }
    }
    for (int i = 0; i < 5; i++) {
      X[i] += VX[i], Y[i] += VY[i], Z[i] += VZ[i];
    }
  }
  return (int)(long long)(X[0] * 1e6);
}

// Quicksort of n numbers.

static int numbers[1 << 20];

static void quicksort(int *a, int low, int high) {
  while (low < high) {
    int pivot = a[(low + high) >> 1], i = low, j = high;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) {
        int t = a[i];
        a[i++] = a[j];
        a[j--] = t;
      }
    }
    quicksort(a, low, j);
    low = i;
  }
}

EXPORT(sort) {
  seed = 3;
  for (int i = 0; i < n; i++) {
    numbers[i] = random();
  }
  quicksort(numbers, 0, n - 1);
  return numbers[n / 3];
}

// How often a word of 8 letters stands in n letters, and where.

static char letters[1 << 20];

EXPORT(search) {
  seed = 5;
  for (int i = 0; i < n; i++) {
    letters[i] = 'a' + (random() & 3);
  }
  static const char word[9] = "abacadab";
  int found = 0;
  for (int i = 0; i + 8 <= n; i++) {
    int j = 0;
    while (j < 8 && letters[i + j] == word[j]) j++;
    if (j == 8) found += i;
  }
  return found;
}

// The primes below n.

static u8 composite[1 << 20];

EXPORT(sieve) {
  for (int i = 0; i < n; i++) {
    composite[i] = 0;
  }
  int primes = 0;
  for (int i = 2; i < n; i++) {
    if (!composite[i]) {
      primes++;
      for (int j = 2 * i; j < n; j += i) {
        composite[j] = 1;
      }
    }
  }
  return primes;
}
