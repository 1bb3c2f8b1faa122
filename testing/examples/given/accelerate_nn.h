// What examples of accelerate/nn take as given.

extern at::Tensor features;
