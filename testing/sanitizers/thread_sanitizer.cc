// What ThreadSanitizer is not to report. LibTorch and OpenMP are not compiled with it: it does not
// see how they synchronise their own threads, such as by the reference counts of tensors. Races
// between threads of ours are reported all the same.
extern "C" const char* __tsan_default_suppressions() {
  return "race:libtorch_cpu.so\n"
         "race:libc10.so\n"
         "race:libgomp\n";
}
