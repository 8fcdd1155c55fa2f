using System.Text;
using Tracking.Links;
using Tracking.Tls.Certificates;

namespace Tracking.Tls.Tests.Certificates;

public sealed class SealedCopyTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));
    private readonly MasterKey _master = new(new byte[MasterKey.Size]);

    public void Dispose()
    {
        File.Delete(_path);
        _master.Dispose();
    }

    [Fact]
    public void What_was_written_is_read_and_nobody_else_can_read_it()
    {
        var renewed = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
        CertificateFound[] certificates =
            [MadeCertificate.For("a.example.net", renewed), MadeCertificate.For("b.example.net")];
        var copy = new SealedCopy(_path, _master);

        copy.Write([certificates[0]]);
        copy.Write(certificates);
        var read = copy.Read();

        Assert.Equal(["a.example.net", "b.example.net"], read.Select(found => found.Name));
        Assert.Equal([renewed, null], read.Select(found => found.FirstRenewedAt));
        Assert.Equal(certificates.Select(found => found.PrivateKey), read.Select(found => found.PrivateKey));
        Assert.Equal(certificates.SelectMany(found => found.Chain), read.SelectMany(found => found.Chain));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_path));
        }

        var bytes = File.ReadAllBytes(_path);
        Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes("a.example.net")));
        Assert.Equal(-1, bytes.AsSpan().IndexOf(certificates[0].PrivateKey.AsSpan(^16..)));
    }

    [Fact]
    public void Without_a_file_there_is_nothing() => Assert.Empty(new SealedCopy(_path, _master).Read());

    [Fact]
    public void A_file_that_was_changed_or_is_under_another_key_is_refused()
    {
        var copy = new SealedCopy(_path, _master);
        copy.Write([MadeCertificate.For("a.example.net")]);
        using var other = new MasterKey([1, .. new byte[MasterKey.Size - 1]]);

        Assert.Throws<InvalidDataException>(() => new SealedCopy(_path, other).Read());
        var bytes = File.ReadAllBytes(_path);
        bytes[40] ^= 1;
        File.WriteAllBytes(_path, bytes);
        Assert.Throws<InvalidDataException>(() => copy.Read());
        File.WriteAllBytes(_path, bytes[..5]);
        Assert.Throws<InvalidDataException>(() => copy.Read());
    }
}
