"""The C++ libraries that this project takes from Debian, as repositories."""

load("//third_party/abseil:debian_abseil.bzl", "debian_abseil")
load(":debian_repository.bzl", "debian_repository")

def declare_gloo(declare):
    """Declares Gloo; declare_libraries declares the others."""
    declare(
        debian_repository,
        "gloo",
        package = "libgloo-dev",
        links = {"include/gloo": "/usr/include/gloo"},
        build_files = {Label("//third_party/gloo:gloo.BUILD"): "BUILD"},
    )

def declare_libraries(declare):
    """Declares all libraries except Gloo.

    Args:
      declare: function that takes a repository rule, the name of a repository and the rule's attributes.
    """
    declare(debian_abseil, "com_google_absl")
    declare(
        debian_repository,
        "com_google_googletest",
        package = "googletest",
        path = "/usr/src/googletest",
        build_files = {Label("//third_party/googletest:googletest.BUILD"): "BUILD"},
    )
    declare(
        debian_repository,
        "google_benchmark",
        package = "libbenchmark-dev",
        # The file's name contains its version, which differs between machines.
        folders = {"lib": "/usr/lib/x86_64-linux-gnu/libbenchmark.so."},
        links = {"include/benchmark": "/usr/include/benchmark"},
        build_files = {Label("//third_party/google_benchmark:google_benchmark.BUILD"): "BUILD"},
    )
    declare(
        debian_repository,
        "libjpeg_turbo",
        package = "libjpeg-dev",
        links = {
            "include/jconfig.h": "/usr/include/x86_64-linux-gnu/jconfig.h",
            "include/jerror.h": "/usr/include/jerror.h",
            "include/jmorecfg.h": "/usr/include/jmorecfg.h",
            "include/jpeglib.h": "/usr/include/jpeglib.h",
            "lib/libjpeg.a": "/usr/lib/x86_64-linux-gnu/libjpeg.a",
        },
        build_files = {Label("//third_party/libjpeg_turbo:libjpeg_turbo.BUILD"): "BUILD"},
    )
    declare(
        debian_repository,
        "libpng",
        package = "libpng-dev",
        links = {
            "include/png.h": "/usr/include/libpng16/png.h",
            "include/pngconf.h": "/usr/include/libpng16/pngconf.h",
            "include/pnglibconf.h": "/usr/include/libpng16/pnglibconf.h",
            "lib/libpng16.a": "/usr/lib/x86_64-linux-gnu/libpng16.a",
        },
        build_files = {Label("//third_party/libpng:libpng.BUILD"): "BUILD"},
    )
    declare(
        debian_repository,
        "nlohmann_json",
        package = "nlohmann-json3-dev",
        links = {"include/nlohmann": "/usr/include/nlohmann"},
        build_files = {Label("//third_party/nlohmann_json:nlohmann_json.BUILD"): "BUILD"},
    )
    declare(
        debian_repository,
        "yaml_cpp",
        package = "libyaml-cpp-dev",
        links = {
            "include/yaml-cpp": "/usr/include/yaml-cpp",
            "lib/libyaml-cpp.a": "/usr/lib/x86_64-linux-gnu/libyaml-cpp.a",
        },
        build_files = {Label("//third_party/yaml_cpp:yaml_cpp.BUILD"): "BUILD"},
    )
    declare(
        debian_repository,
        "zlib",
        package = "zlib1g-dev",
        links = {"lib/libz.a": "/usr/lib/x86_64-linux-gnu/libz.a"},
        build_files = {Label("//third_party/zlib:zlib.BUILD"): "BUILD"},
    )
