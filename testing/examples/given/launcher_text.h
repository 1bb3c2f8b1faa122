// What examples of launcher/text take as given.

// ---- utf8.h
void refuse();
