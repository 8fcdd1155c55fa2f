using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>Reads the master key that <see cref="SystemOptions"/> names.</summary>
public static class OpenMasterKey
{
    private const string Takes = "32 bytes as base64 (openssl rand -base64 32)";

    /// <summary>Reads the master key, and the second key of a rotation. A file wins over a value.</summary>
    /// <exception cref="OptionsValidationException">The key is missing or malformed.</exception>
    public static MasterKey From(SystemOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var other = OtherFrom(options);
        return options switch
        {
            { MasterKeyFile.Length: > 0 } => Parse(
                nameof(options.MasterKeyFile), Read(nameof(options.MasterKeyFile), options.MasterKeyFile), other),
            { MasterKey.Length: > 0 } => Parse(nameof(options.MasterKey), options.MasterKey, other),
            _ => throw Wrong(nameof(options.MasterKeyFile), $"missing, takes a file with {Takes}"),
        };
    }

    /// <summary>Reads the other master key of a rotation; <see langword="null"/> when there is none.</summary>
    /// <exception cref="OptionsValidationException">The key is malformed.</exception>
    public static MasterKey? OtherFrom(SystemOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options switch
        {
            { OtherMasterKeyFile.Length: > 0 } => Parse(
                nameof(options.OtherMasterKeyFile),
                Read(nameof(options.OtherMasterKeyFile), options.OtherMasterKeyFile)),
            { OtherMasterKey.Length: > 0 } => Parse(nameof(options.OtherMasterKey), options.OtherMasterKey),
            _ => null,
        };
    }

    private static string Read(string setting, string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Wrong(
                setting,
                $"got \"{file}\" ({exception.Message.TrimEnd('.')}), takes a file with {Takes}");
        }
    }

    private static MasterKey Parse(string setting, string text, MasterKey? other = null)
    {
        var bytes = new byte[MasterKey.Size + 1];
        return Convert.TryFromBase64String(text.Trim(), bytes, out var written) && written == MasterKey.Size
            ? new MasterKey(bytes.AsSpan(0, MasterKey.Size), other)
            : throw Wrong(setting, $"got ***, takes {Takes}");
    }

    private static OptionsValidationException Wrong(string setting, string problem) =>
        new(nameof(SystemOptions), typeof(SystemOptions), [$"Tracking__{setting}: {problem}"]);
}
