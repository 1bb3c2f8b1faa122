#include "accelerate/nested/serialized.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>

#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

template <class Value>
Value again(const Value& value) {
  return from_bytes<Value>(to_bytes(value));
}

template <class Value>
void expect_same(const Value& value) {
  EXPECT_EQ(again(value), value);
}

void expect_same_tensor(const at::Tensor& tensor) {
  const at::Tensor read = again(tensor);
  EXPECT_TRUE(at::equal(read, tensor)) << tensor;
  EXPECT_EQ(read.scalar_type(), tensor.scalar_type());
  EXPECT_EQ(read.sizes(), tensor.sizes());
  EXPECT_TRUE(read.is_contiguous());
}

enum class Color : int8_t { kRed = -3, kBlue = 5 };
enum class Switch : bool { kOff, kOn };

struct Inner {
  int64_t count;
  std::string name;
  bool operator==(const Inner&) const = default;
};

struct Outer {
  double value;
  std::vector<Inner> inner;
  std::optional<std::pair<int, bool>> pair;
  std::variant<std::monostate, int, std::string> variant;
  std::map<std::string, std::vector<double>> map;
  bool operator==(const Outer&) const = default;
};

struct Nothing {
  bool operator==(const Nothing&) const = default;
};

struct Tree {
  int value = 0;
  std::vector<Tree> children;
  std::unique_ptr<Tree> next;
};

class Hidden {
 public:
  Hidden() = default;
  Hidden(at::Tensor tensor, int count) : tensor_(std::move(tensor)), count_(count) {}
  const at::Tensor& tensor() const { return tensor_; }
  int count() const { return count_; }

 private:
  friend auto accelerate_contents(Hidden& hidden) {
    return std::tie(hidden.tensor_, hidden.count_);
  }
  // Is of no interest here: it leaves something out.
  friend auto accelerate_parts(Hidden& hidden) { return std::tie(hidden.tensor_); }
  at::Tensor tensor_;
  int count_ = 0;
};

TEST(Serialized, BringsBackNumbersAndStrings) {
  expect_same(0);
  expect_same(std::numeric_limits<int64_t>::min());
  expect_same(std::numeric_limits<uint64_t>::max());
  expect_same(true);
  expect_same('x');
  expect_same(0.1f);
  expect_same(-std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(again(std::numeric_limits<double>::quiet_NaN())));
  expect_same(std::complex<double>(1, -2));
  expect_same(c10::complex<float>(1, -2));
  EXPECT_EQ(static_cast<float>(again(c10::Half(0.5f))), 0.5f);
  EXPECT_EQ(static_cast<float>(again(c10::BFloat16(3.0f))), 3.0f);
  expect_same(Color::kRed);
  expect_same(Switch::kOn);
  expect_same(at::ScalarType::BFloat16);
  expect_same(std::string());
  expect_same(std::string("a\0b", 3));
  expect_same(std::string(1 << 20, 'x'));
  // Views come back as what owns the characters.
  EXPECT_EQ(from_bytes<std::string>(to_bytes("text")), "text");
  EXPECT_EQ(from_bytes<std::string>(to_bytes(std::string_view("text"))), "text");
}

TEST(Serialized, BringsBackContainers) {
  expect_same(std::vector<int>());
  expect_same(std::vector<float>{1, 2, 3});
  expect_same(std::vector<double>(100'000, 0.5));
  expect_same(std::vector<bool>{true, false, true});
  expect_same(std::vector<Switch>{Switch::kOn, Switch::kOff});
  expect_same(std::vector<std::byte>(70'000, std::byte(7)));
  expect_same(std::vector<std::string>{"", "a", std::string(5000, 'b')});
  expect_same(std::vector<std::vector<std::string>>{{}, {"a"}, {"b", "c"}});
  expect_same(std::deque<int>{1, 2});
  expect_same(std::list<std::string>{"a", "b"});
  expect_same(std::set<int>{3, 1, 2});
  expect_same(std::array<double, 3>{1, 2, 3});
  expect_same(std::array<std::string, 2>{"a", "b"});
  expect_same(std::pair(1, std::string("a")));
  expect_same(std::tuple(1, 'c', std::vector<int>{2}));
  expect_same(std::optional<int>());
  expect_same(std::optional<std::string>("a"));
  expect_same(std::variant<int, std::string>("a"));
  expect_same(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  expect_same(std::multimap<int, int>{{1, 2}, {1, 3}});
  expect_same(std::unordered_map<int, std::string>{{1, "a"}, {2, "b"}});
  expect_same(std::map<std::pair<int, int>, std::map<int, bool>>{{{1, 2}, {{3, true}}}});
  EXPECT_EQ(*again(std::make_unique<int>(3)), 3);
  EXPECT_EQ(again(std::unique_ptr<int>()), nullptr);
  // Elements without anything in them.
  expect_same(std::vector<Nothing>(3));
  EXPECT_EQ(again(std::vector<std::tuple<>>(3)).size(), 3u);
  EXPECT_EQ((again(std::vector<std::array<int, 0>>(3)).size()), 3u);
  torch::OrderedDict<std::string, int> dictionary;
  dictionary.insert("b", 1);
  dictionary.insert("a", 2);
  EXPECT_EQ(again(dictionary).keys(), dictionary.keys());
  EXPECT_EQ(again(dictionary)["a"], 2);
}

TEST(Serialized, BringsBackTensorsOfEveryFormAsTheyAre) {
  EXPECT_FALSE(again(at::Tensor()).defined());
  expect_same_tensor(at::ones({}));
  expect_same_tensor(at::ones({0, 3}));
  expect_same_tensor(at::randn({7, 5}));
  expect_same_tensor(at::randn({1000, 100}));
  expect_same_tensor(at::randn({6, 4}).t());
  expect_same_tensor(at::arange(3).view({3, 1}).expand({3, 5}));
  expect_same_tensor(at::arange(10).slice(0, 1, 10, 3));
  expect_same_tensor(at::randn({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast));
  for (const auto type : {at::kByte, at::kShort, at::kLong, at::kHalf, at::kBFloat16, at::kDouble,
                          at::kBool, at::kComplexFloat, at::kUInt16})
    expect_same_tensor(at::arange(5).to(type));
  const at::Tensor complex = at::randn({3}, at::kComplexFloat);
  expect_same_tensor(complex.conj());
  expect_same_tensor(at::imag(complex.conj()));
  EXPECT_EQ(again(at::ones({3}).to(at::kFloat8_e4m3fn)).scalar_type(), at::kFloat8_e4m3fn);

  const at::Tensor weight = at::ones({2000}).requires_grad_();
  const at::Tensor product = weight * 2;
  std::string bytes = to_bytes(std::pair(weight, product));
  const auto [read, read_product] = from_bytes<std::pair<at::Tensor, at::Tensor>>(bytes);
  EXPECT_FALSE(read.requires_grad());
  EXPECT_FALSE(read_product.requires_grad());
  // In memory of their own.
  std::fill(bytes.begin(), bytes.end(), '\xff');
  EXPECT_TRUE(at::equal(read, weight));
}

TEST(Serialized, RefusesTensorsWithoutPlainValues) {
  EXPECT_THAT(message_of([] {
                (void)to_bytes(at::ones({2, 2}).to_sparse());
              }),
              HasSubstr("call to_dense()"));
  EXPECT_THAT(message_of([] { (void)to_bytes(at::empty({2}, at::kMeta)); }), HasSubstr("on meta"));
  const at::Tensor quantized = at::quantize_per_tensor(at::ones({2}), 0.1, 0, at::kQInt8);
  EXPECT_THAT(message_of([&] { (void)to_bytes(quantized); }), HasSubstr("call dequantize()"));
}

TEST(Serialized, BringsBackStructsAndClasses) {
  expect_same(Outer{0.5, {{3, "a"}, {4, ""}}, std::pair(1, true), "text", {{"a", {1, 2}}}});
  expect_same(Outer{0.5, {}, std::nullopt, {}, {}});
  expect_same(Nothing());
  const auto example = again(torch::data::Example<>(at::ones({2}), at::zeros({1})));
  EXPECT_TRUE(at::equal(example.data, at::ones({2})));
  EXPECT_TRUE(at::equal(example.target, at::zeros({1})));
  using Unlabelled = torch::data::Example<std::vector<int>, void>;
  EXPECT_EQ(again(Unlabelled({1, 2})).data, (std::vector<int>{1, 2}));
  const Hidden hidden = again(Hidden(at::ones({2}), 3));
  EXPECT_TRUE(at::equal(hidden.tensor(), at::ones({2})));
  EXPECT_EQ(hidden.count(), 3);
  Tree tree;
  tree.children.resize(2);
  tree.children[1].value = 4;
  tree.next = std::make_unique<Tree>();
  tree.next->value = 5;
  const Tree read = again(tree);
  EXPECT_EQ(read.children.at(1).value, 4);
  EXPECT_EQ(read.next->value, 5);
}

struct Metric {
  std::string name;
  double value;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Metric, name, value)
};

TEST(Serialized, BringsBackJson) {
  const nlohmann::json json = {{"a", {1, 2.5, nullptr, true}}, {"b", "text"}, {"n", INFINITY}};
  EXPECT_EQ(again(json), json);
  expect_same(nlohmann::json("text"));
  expect_same(nlohmann::json(std::vector<int>(5000, 1000)));
  expect_same(nlohmann::json(nullptr));
  EXPECT_EQ(again(std::map<std::string, nlohmann::json>{{"x", json}}).at("x"), json);
  const auto metric = again(nlohmann::json(Metric{"loss", 0.1})).get<Metric>();
  EXPECT_EQ(metric.name, "loss");
  EXPECT_EQ(metric.value, 0.1);
  std::string bytes = to_bytes(json);
  bytes[16] = '\xff';
  EXPECT_THAT(message_of([&] { (void)from_bytes<nlohmann::json>(bytes); }),
              HasSubstr("the JSON in them is damaged"));
}

using Everything =
    std::tuple<Outer, std::vector<at::Tensor>, std::vector<float>, std::vector<bool>,
               std::unordered_map<std::string, std::set<int>>, nlohmann::json, Switch,
               std::list<std::optional<std::string>>, std::vector<std::array<int, 0>>>;

std::string bytes_of_everything() {
  return to_bytes(
      Everything(Outer{0.5, {{3, "a"}}, std::pair(1, true), 7, {{"a", {1, 2}}, {"b", {}}}},
                 {at::randn({3, 2}), {}, at::arange(3), at::ones({0, 2}), at::ones({}, at::kBool)},
                 {1, 2}, {true, false}, {{"a", {1, 2, 3}}, {"b", {}}}, {{"a", {1, 2}}}, Switch::kOn,
                 {"a", std::nullopt}, std::vector<std::array<int, 0>>(2)));
}

// At the end of memory behind which nothing may be read.
class AtTheEdge {
 public:
  explicit AtTheEdge(const std::string& bytes) : page_(sysconf(_SC_PAGESIZE)) {
    size_ = (bytes.size() / page_ + 1) * page_;
    memory_ = static_cast<char*>(
        mmap(nullptr, size_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory_ + size_, page_, PROT_NONE);
    bytes_ = {memory_ + size_ - bytes.size(), bytes.size()};
    std::memcpy(memory_ + size_ - bytes.size(), bytes.data(), bytes.size());
  }
  ~AtTheEdge() { munmap(memory_, size_ + page_); }
  AtTheEdge(const AtTheEdge&) = delete;
  AtTheEdge& operator=(const AtTheEdge&) = delete;
  std::string_view bytes() const { return bytes_; }

 private:
  size_t page_, size_;
  char* memory_;
  std::string_view bytes_;
};

TEST(Serialized, RefusesBytesThatAreCutOffAnywhereOrTooMany) {
  const std::string bytes = bytes_of_everything();
  (void)from_bytes<Everything>(AtTheEdge(bytes).bytes());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const AtTheEdge cut(bytes.substr(0, size));
    EXPECT_THROW((void)from_bytes<Everything>(cut.bytes()), c10::Error) << size;
  }
  EXPECT_THAT(message_of([&] { (void)from_bytes<Everything>(bytes + "x"); }),
              HasSubstr("1 are left when the value is complete"));
  EXPECT_THAT(message_of([] { (void)from_bytes<int>(""); }),
              HasSubstr("8 more are needed, and 0 are left, at byte 0"));
}

TEST(Serialized, SurvivesBytesThatWereChanged) {
  const std::string bytes = bytes_of_everything();
  int refused = 0, tried = 0;
  for (size_t place = 0; place < bytes.size(); ++place) {
    for (const char change : {'\x01', '\x80', '\xff'}) {
      std::string changed = bytes;
      changed[place] = static_cast<char>(changed[place] ^ change);
      const AtTheEdge edge(changed);
      ++tried;
      try {
        (void)from_bytes<Everything>(edge.bytes());
      } catch (const c10::Error&) {
        ++refused;
      }
    }
  }
  // Changes of values themselves go unseen.
  EXPECT_GT(refused, tried / 4);
}

TEST(Serialized, RefusesTheBytesOfAnotherType) {
  EXPECT_THAT(message_of([] { (void)from_bytes<int64_t>(to_bytes(1.0)); }),
              HasSubstr("their beginning is not that of a value of type long"));
  EXPECT_THROW((void)from_bytes<std::vector<int>>(to_bytes(std::vector<float>{1})), c10::Error);
}

// What to_bytes() puts in front of a value.
template <class Value>
std::string bytes_from(std::initializer_list<uint64_t> numbers) {
  internal::ByteWriter out;
  out.number(internal::type_number(typeid(Value)));
  for (const uint64_t number : numbers) out.number(number);
  return out.finish();
}

TEST(Serialized, TakesNoMemoryForWhatIsNotThere) {
  constexpr uint64_t kMany = uint64_t{1} << 61;
  const auto expect_refused = [](auto value, std::initializer_list<uint64_t> numbers) {
    using Value = decltype(value);
    EXPECT_THROW((void)from_bytes<Value>(bytes_from<Value>(numbers)), c10::Error);
  };
  expect_refused(std::string(), {kMany});
  expect_refused(std::string(), {~uint64_t{0}});
  expect_refused(std::vector<double>(), {kMany, 0});
  expect_refused(std::vector<double>(), {2, 0});
  expect_refused(std::vector<Nothing>(), {kMany});
  expect_refused(std::vector<std::string>(), {kMany});
  expect_refused(std::map<int, int>(), {kMany});
  expect_refused(std::variant<int, std::string>(), {2});
  // The key 0 with the value 0, twice.
  expect_refused(std::map<int, int>(), {2, 0, 0});
  expect_refused(std::set<int64_t>(), {2, 0, 0});

  const auto tensor = [](int8_t type, std::initializer_list<int64_t> sizes) {
    internal::ByteWriter out;
    out.number(internal::type_number(typeid(at::Tensor)));
    out.number(type);
    out.number(static_cast<uint64_t>(sizes.size()));
    for (const int64_t size : sizes) out.number(size);
    return out.finish();
  };
  const int64_t large = int64_t{1} << 40;
  for (const std::string& bytes :
       {tensor(6, {large}), tensor(6, {large, large}), tensor(6, {0, large, large}),
        tensor(6, {-1}), tensor(6, {-1, -4}), tensor(-1, {0}), tensor(12, {0}), tensor(100, {0})})
    EXPECT_THROW((void)from_bytes<at::Tensor>(bytes), c10::Error);
  EXPECT_EQ(from_bytes<at::Tensor>(tensor(6, {0, large})).size(1), large);
}

TEST(Serialized, RefusesWhatLiesTooDeepBeforeTheStackIsFull) {
  Tree list;
  for (int i = 0; i < 100'000; ++i) {
    auto front = std::make_unique<Tree>();
    front->next = std::move(list.next);
    list.next = std::move(front);
  }
  EXPECT_THAT(message_of([&] { (void)to_bytes(list); }), HasSubstr("hold the elements of a list"));
  // Trees of one child each, and no end.
  internal::ByteWriter out;
  out.number(internal::type_number(typeid(Tree)));
  for (int i = 0; i < 1'000'000; ++i) {
    out.number(0);
    out.number(uint64_t{1});
  }
  const std::string bytes = out.finish();
  EXPECT_THAT(message_of([&] { (void)from_bytes<Tree>(bytes); }), HasSubstr("nested more than"));
  // Not by destructors, each in that of the one before.
  for (auto node = std::move(list.next); node;) node = std::move(node->next);
}

TEST(Serialized, CopiesALargeTensorOnceIntoItsBytes) {
  const at::Tensor large = at::zeros({1 << 20});
  const std::string bytes = to_bytes(std::tuple(large, std::string("end")));
  EXPECT_LT(bytes.size(), large.nbytes() + 100);
  EXPECT_LE(bytes.capacity(), bytes.size() + 64);
}

TEST(Serialized, IsForAnyThread) {
  const std::vector<at::Tensor> value{at::randn({100, 100}), at::arange(10)};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&value] {
      for (int round = 0; round < 50; ++round) {
        const std::vector<at::Tensor> read = again(value);
        ASSERT_TRUE(at::equal(read[0], value[0]) && at::equal(read[1], value[1]));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace accelerate
