using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Tracking.Management.Console.Assets;

/// <summary>
/// Serves the console's style, scripts and pictures from this assembly. An address holds a hash of the content:
/// browsers may keep a file for ever, and another version has another address.
/// </summary>
public static class ServeAssets
{
    private const string Prefix = "console/";

    private static readonly ConcurrentDictionary<string, Asset> _assets = new();

    private static readonly Dictionary<string, string> _types = new()
    {
        [".css"] = "text/css; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    /// <summary>The address of a file.</summary>
    /// <param name="name">Its name under <c>Console/Assets</c>.</param>
    public static string Path(string name) => $"/assets/{Read(name)!.Hash}/{name}";

    internal static void Map(IEndpointRouteBuilder app) =>
        app.MapMethods("/assets/{hash}/{name}", [HttpMethods.Get, HttpMethods.Head], Handle).ExcludeFromDescription();

    private static IResult Handle(string hash, string name, HttpContext context)
    {
        // Another hash belongs to another version. This version's file must not be cached under that address.
        if (Read(name) is not { } asset || asset.Hash != hash)
        {
            return TypedResults.StatusCode(StatusCodes.Status404NotFound);
        }

        var headers = context.Response.Headers;
        headers.CacheControl = "public, max-age=31536000, immutable";
        headers.Vary = "Accept-Encoding";
        if (!context.Request.Headers.AcceptEncoding.ToString().Contains("br", StringComparison.Ordinal))
        {
            return TypedResults.Bytes(asset.Content, asset.ContentType);
        }

        headers.ContentEncoding = "br";
        return TypedResults.Bytes(asset.Compressed.Value, asset.ContentType);
    }

    private static Asset? Read(string name)
    {
        if (_assets.TryGetValue(name, out var known))
        {
            return known;
        }

        using var stream = typeof(ServeAssets).Assembly.GetManifestResourceStream(Prefix + name);
        if (stream is null || !_types.TryGetValue(System.IO.Path.GetExtension(name), out var type))
        {
            return null;
        }

        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        var hash = Convert.ToHexStringLower(SHA256.HashData(content))[..16];
        return _assets.GetOrAdd(name, new Asset(hash, type, content, new Lazy<byte[]>(() => Compress(content))));
    }

    // Each file is compressed once, at the strongest level.
    private static byte[] Compress(byte[] content)
    {
        using var compressed = new MemoryStream();
        using (var brotli = new BrotliStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            brotli.Write(content);
        }

        return compressed.ToArray();
    }

    private sealed record Asset(string Hash, string ContentType, byte[] Content, Lazy<byte[]> Compressed);
}
