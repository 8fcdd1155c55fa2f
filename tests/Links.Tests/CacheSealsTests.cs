using System.Text;

namespace Tracking.Links.Tests;

public sealed class CacheSealsTests : IDisposable
{
    private const string Key = "tracking:1:link:00123:feedc0de00000001";
    private static readonly byte[] _content = "https://shop.example/a%20b?x=1#2"u8.ToArray();

    private readonly MasterKey _master = new(Enumerable.Repeat((byte)7, MasterKey.Size).ToArray());
    private readonly CacheSeal _seal;

    public CacheSealsTests() => _seal = new CacheSeal(_master);

    public void Dispose()
    {
        _seal.Dispose();
        _master.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(1 << 20)]
    public void What_one_process_seals_another_with_the_same_master_key_opens(int length)
    {
        var content = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
        using var master = new MasterKey(Enumerable.Repeat((byte)7, MasterKey.Size).ToArray());
        using var other = new CacheSeal(master);

        var value = _seal.Seal(Key, content);

        Assert.Equal(CacheSeal.Overhead + length, value.Length);
        Assert.True(other.TryOpen(Key, value, out var opened));
        Assert.Equal(content, opened);
        Assert.Equal(value, other.Seal(Key, content));
    }

    [Fact]
    public void A_value_cut_or_lengthened_anywhere_is_not_opened()
    {
        var value = _seal.Seal(Key, _content);
        for (var length = 0; length < value.Length; length++)
        {
            Assert.False(_seal.TryOpen(Key, value.AsSpan(0, length), out _));
            Assert.False(_seal.TryOpen(Key, value.AsSpan(value.Length - length), out _));
        }

        Assert.False(_seal.TryOpen(Key, [.. value, 0], out _));
        Assert.False(_seal.TryOpen(Key, [.. value, .. value], out _));
    }

    [Fact]
    public void A_value_with_any_bit_flipped_is_not_opened()
    {
        var value = _seal.Seal(Key, _content);
        for (var bit = 0; bit < 8 * value.Length; bit++)
        {
            value[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(_seal.TryOpen(Key, value, out var content));
            Assert.Null(content);
            value[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.True(_seal.TryOpen(Key, value, out _));
    }

    [Theory]
    [InlineData("tracking:1:link:00123:feedc0de00000002")]
    [InlineData("tracking:1:link:00124:feedc0de00000001")]
    [InlineData("tracking:1:host:00123:feedc0de00000001")]
    [InlineData("tracking:2:link:00123:feedc0de00000001")]
    [InlineData("")]
    public void A_value_under_another_key_is_not_opened(string other) =>
        Assert.False(_seal.TryOpen(other, _seal.Seal(Key, _content), out _));

    [Fact]
    public void A_value_made_under_another_master_key_is_not_opened()
    {
        using var master = new MasterKey(Enumerable.Repeat((byte)8, MasterKey.Size).ToArray());
        using var foreign = new CacheSeal(master);
        Assert.False(_seal.TryOpen(Key, foreign.Seal(Key, _content), out _));
        // A row of the database that the same master key sealed for another purpose.
        Assert.False(_seal.TryOpen(Key, _master.Seal(_content, Key), out _));
    }

    [Fact]
    public void A_sealed_value_shows_nothing_of_its_content_and_never_uses_a_nonce_for_two_contents()
    {
        var contents = Enumerable.Range(0, 1_000).Select(i => Encoding.ASCII.GetBytes($"https://shop.example/{i}"));
        var values = contents.Select(content => _seal.Seal(Key, content)).ToList();
        Assert.Equal(1_000, values.Select(value => Convert.ToHexString(value.AsSpan(1, 12))).Distinct().Count());
        Assert.All(values, value => Assert.Equal(-1, value.AsSpan().IndexOf("shop"u8)));
    }

    [Fact]
    public void Several_threads_seal_and_open_at_once()
    {
        Parallel.For(0, 2_000, i =>
        {
            var content = BitConverter.GetBytes(i);
            Assert.True(_seal.TryOpen(Key, _seal.Seal(Key, content), out var opened));
            Assert.Equal(content, opened);
        });
    }
}
