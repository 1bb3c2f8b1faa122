// Learns which quadrant of the plane a point is in.
#include <torch/torch.h>

#include <iostream>
#include <optional>

// Random points of the plane, each labelled with its quadrant.
class Quadrants : public torch::data::datasets::Dataset<Quadrants> {
 public:
  explicit Quadrants(int64_t count) : points_(torch::randn({count, 2})) {
    const torch::Tensor is_positive = (points_ > 0).to(torch::kLong);
    quadrants_ = 2 * is_positive.select(1, 0) + is_positive.select(1, 1);
  }
  torch::data::Example<> get(size_t index) override { return {points_[index], quadrants_[index]}; }
  std::optional<size_t> size() const override { return points_.size(0); }

 private:
  torch::Tensor points_, quadrants_;
};

struct NetImpl : torch::nn::Module {
  torch::Tensor forward(torch::Tensor points) { return output(torch::relu(hidden(points))); }

  torch::nn::Linear hidden = register_module("hidden", torch::nn::Linear(2, 32));
  torch::nn::Linear output = register_module("output", torch::nn::Linear(32, 4));
};
TORCH_MODULE(Net);

int main() {
  torch::manual_seed(1);
  const torch::Device device(torch::cuda::is_available() ? torch::kCUDA : torch::kCPU);
  auto loader = torch::data::make_data_loader<torch::data::samplers::SequentialSampler>(
      Quadrants(2048).map(torch::data::transforms::Stack<>()), /*batch_size=*/32);
  Net net;
  net->to(device);
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-2));

  for (int epoch = 1; epoch <= 5; ++epoch) {
    double sum = 0;
    int64_t batches = 0;
    for (auto& batch : *loader) {
      adamw.zero_grad();
      torch::Tensor logits = net(batch.data.to(device));
      torch::Tensor loss = torch::nn::functional::cross_entropy(logits, batch.target.to(device));
      loss.backward();
      adamw.step();
      sum += loss.item<double>();
      ++batches;
    }
    std::cout << "epoch " << epoch << " loss " << sum / batches << std::endl;
  }
}
