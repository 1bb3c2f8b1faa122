// What examples of accelerate/nested take as given.
#include <map>

// ---- byte_stream.h
extern at::Tensor logits;
// ---- members.h
struct Output {
  at::Tensor logits;
  double loss;
};
extern Output output;
// ---- named_tensors.h
extern at::Tensor left, right;
// ---- serialized.h
extern at::Tensor logits;
// ---- structure.h
extern at::Tensor loss;
// ---- visit_tensors.h
struct Any {
  template <class T>
  operator T() const;
};
Any model(const at::Tensor& input);
extern at::Tensor input;
