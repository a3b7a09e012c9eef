// Command sstream mirrors, queries, builds, signs and publishes Simple Streams.
package main

func main() {}
