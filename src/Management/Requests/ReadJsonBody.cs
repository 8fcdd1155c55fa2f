using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tracking.Api;

namespace Tracking.Management.Requests;

/// <summary>
/// Reads a request's JSON object. The framework's binding is not used: for a wrong type or an unknown property it
/// answers with the text of an exception. This API names the input and what is accepted.
/// </summary>
internal static class ReadJsonBody
{
    /// <summary>The largest size of a body in bytes. A thousand excluded domains take a tenth of it.</summary>
    public const int MaxBytes = 256 * 1024;

    // The deepest document of this API has three levels.
    private const int MaxDepth = 16;

    private static readonly JsonDocumentOptions _strict = new()
    {
        MaxDepth = MaxDepth,
        AllowDuplicateProperties = false,
    };

    /// <summary>Reads the object, or says what is wrong with the body.</summary>
    public static async Task<(JsonObject? Json, Problem? Problem)> ReadAsync(
        HttpRequest request, CancellationToken cancellationToken)
    {
        var type = request.GetTypedHeaders().ContentType?.MediaType.Value;
        if (type is not null
            && !type.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            && !type.Equals("application/merge-patch+json", StringComparison.OrdinalIgnoreCase))
        {
            return (null, Problems.UnsupportedMediaType(type, "application/json"));
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxBytes;
        }

        try
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body, cancellationToken);
            if (RefuseBrokenText.Find(Json(body), MaxDepth) is { } broken)
            {
                return (null, broken);
            }

            var node = JsonNode.Parse(Json(body), null, _strict);
            return node is JsonObject json ? (json, null) : (null, Problems.Malformed("body: is not a JSON object."));
        }
        catch (JsonException exception)
        {
            return (null, Problems.Malformed(
                $"body: is not valid JSON (line {exception.LineNumber + 1}, byte {exception.BytePositionInLine}): "
                + "a property may be given once, and the braces must close."));
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return (null, Problems.TooLarge("body", MaxBytes));
        }
    }

    // Removes the byte order mark that some editors add.
    private static ReadOnlySpan<byte> Json(MemoryStream body)
    {
        var bytes = body.GetBuffer().AsSpan(0, (int)body.Length);
        return bytes is [0xef, 0xbb, 0xbf, ..] ? bytes[3..] : bytes;
    }
}
