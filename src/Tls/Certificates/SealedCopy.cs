using System.Diagnostics.CodeAnalysis;
using Tracking.Links;

namespace Tracking.Tls.Certificates;

/// <summary>
/// A file with certificates and their keys. The file is sealed under the master key and readable by its owner only.
/// Without the master key its content can be neither read nor changed. The content is: version (u8, 1), count (i32),
/// and of each name (text), first renewal (i64 ticks UTC, 0 for none), key (i32 length, bytes), chain (i32 count; i32
/// length, bytes).
/// </summary>
internal sealed class SealedCopy(string path, MasterKey master)
{
    private const byte Version = 1;
    private const string Purpose = "tls.copy/1";

    // The largest length that is accepted from a file: many times the size of 100,000 certificates. A damaged file may
    // have any length in it.
    private const int MaxPart = 1 << 20;

    /// <summary>Writes the file completely or not at all, even if the power fails.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Write(IReadOnlyCollection<CertificateFound> certificates)
    {
        var content = master.Seal(Encode(certificates), Purpose);
        var unfinished = path + ".new";
        File.Delete(unfinished);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var file = new FileStream(unfinished, options))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(unfinished, path, overwrite: true);
    }

    /// <summary>Whether the file exists and is sealed under another version of the master key than the current one.
    /// Then it has to be written again.</summary>
    /// <exception cref="IOException">It could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public bool IsUnderOther => File.Exists(path) && !master.IsSealedUnderThis(File.ReadAllBytes(path), Purpose);

    /// <summary>Reads the file. A missing file has no certificates.</summary>
    /// <exception cref="IOException">It could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, or sealed under another master key.</exception>
    [SuppressMessage("Performance", "CA1859", Justification = "That it is a list is an implementation detail.")]
    public IReadOnlyList<CertificateFound> Read() =>
        !File.Exists(path) ? []
        : master.Open(File.ReadAllBytes(path), Purpose) is { } content ? Decode(content)
        : throw new InvalidDataException("The file is damaged, or sealed under another master key.");

    private static byte[] Encode(IReadOnlyCollection<CertificateFound> certificates)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Version);
        writer.Write(certificates.Count);
        foreach (var certificate in certificates)
        {
            writer.Write(certificate.Name);
            writer.Write(certificate.FirstRenewedAt?.UtcTicks ?? 0);
            Write(writer, certificate.PrivateKey);
            writer.Write(certificate.Chain.Count);
            foreach (var link in certificate.Chain)
            {
                Write(writer, link);
            }
        }

        writer.Flush();
        return stream.ToArray();
    }

    private static List<CertificateFound> Decode(byte[] content)
    {
        using var reader = new BinaryReader(new MemoryStream(content));
        if (reader.ReadByte() != Version)
        {
            throw new InvalidDataException("The file was written by another version.");
        }

        var certificates = new List<CertificateFound>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var name = reader.ReadString();
            var renewed = reader.ReadInt64();
            var key = ReadPart(reader);
            var chain = new List<byte[]>();
            for (var links = reader.ReadInt32(); links > 0; links--)
            {
                chain.Add(ReadPart(reader));
            }

            certificates.Add(new CertificateFound
            {
                Name = name,
                Chain = chain,
                PrivateKey = key,
                FirstRenewedAt = renewed == 0 ? null : new DateTimeOffset(renewed, TimeSpan.Zero),
            });
        }

        return certificates;
    }

    private static void Write(BinaryWriter writer, byte[] part)
    {
        writer.Write(part.Length);
        writer.Write(part);
    }

    private static byte[] ReadPart(BinaryReader reader) => reader.ReadInt32() is var length and >= 0 and <= MaxPart
        ? reader.ReadBytes(length)
        : throw new InvalidDataException("A length in it is none.");
}
