using System.Security.Cryptography;

namespace Tracking.Links.Tests;

public sealed class UrlHashesTests
{
    [Fact]
    public void Urls_of_every_length_hash_side_by_side_as_they_do_alone()
    {
        var random = new Random(256);
        var urls = Enumerable.Range(0, 400)
            .Select(length =>
            {
                var url = new byte[length];
                random.NextBytes(url);
                return new ReadOnlyMemory<byte>(url);
            })
            .ToArray();
        for (var count = 0; count < 20; count++)
        {
            random.Shuffle(urls);
            for (var from = 0; from + count <= urls.Length; from += count + 7)
            {
                var some = urls.AsSpan(from, count);
                var hashes = new byte[count * SHA256.HashSizeInBytes];
                UrlHash.Compute(some, hashes);
                for (var i = 0; i < count; i++)
                {
                    Assert.Equal(SHA256.HashData(some[i].Span), hashes.AsSpan(i * SHA256.HashSizeInBytes, 32));
                }
            }
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(17)]
    public void The_longest_urls_hash_beside_short_ones(int count)
    {
        ReadOnlyMemory<byte>[] some = [new byte[DestinationPolicy.MaxLength], new byte[3], new byte[1000]];
        var urls = Enumerable.Range(0, count).Select(i => some[i % some.Length]).ToArray();
        var hashes = new byte[count * SHA256.HashSizeInBytes];
        UrlHash.Compute(urls, hashes);
        for (var i = 0; i < urls.Length; i++)
        {
            Assert.Equal(SHA256.HashData(urls[i].Span), hashes.AsSpan(i * SHA256.HashSizeInBytes, 32));
        }
    }
}
