// What examples of accelerate/phases take as given.
void read();
