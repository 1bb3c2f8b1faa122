// What examples of accelerate/layout take as given.
#include "accelerate/layout/named_parameter.h"

extern torch::nn::Linear net;
// ---- buckets.h
extern std::vector<at::Tensor> tensors;
void send(const std::vector<size_t>& bucket);
// ---- blocks.h
extern at::Tensor weight, bias;
extern std::vector<Block> blocks;
void work_on(const Block& block);
// ---- element_type.h
extern at::Tensor gradient;
void use_operators_of_libtorch();
// ---- flat_parameters.h
extern std::vector<NamedParameter> parameters;
extern std::string file;
// ---- parameter_slots.h
extern std::vector<NamedParameter> parameters;
extern std::vector<at::Tensor> places;
extern std::string file;
// ---- parameter_store.h
extern std::unique_ptr<ParameterStore> store;
extern at::Tensor loss;
