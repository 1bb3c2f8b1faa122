// What examples of accelerate/nested take as given.
#include <map>

// ---- members.h
struct Output {
  at::Tensor logits;
  double loss;
};
extern Output output;
// ---- structure.h
extern at::Tensor loss;
// ---- visit_tensors.h
struct Any {
  template <class T>
  operator T() const;
};
Any model(const at::Tensor& input);
extern at::Tensor input;
