// What examples of accelerate/strategy take as given.
#include <iostream>
