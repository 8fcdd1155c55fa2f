using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using Tracking.Api;
using Tracking.Links;
using Tracking.Management.Events;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Imports;

/// <summary>What became of the lines of an import.</summary>
/// <param name="Stored">Links that are new.</param>
/// <param name="Known">Links that were there.</param>
/// <param name="LeftOut">Lines that were left out, in their order.</param>
internal sealed record ImportLinksResponse(int Stored, int Known, IReadOnlyList<LeftOutLine> LeftOut);

/// <summary>
/// <c>POST /api/v1/clusters/{cluster}/imported-links</c>: links of mail that another system sent, a line of JSON each.
/// Edges answer them on their tracking domain from then on. The same lines again change nothing, and a path never leads
/// elsewhere than it did first.
/// </summary>
internal static class ImportLinks
{
    private static readonly (string Word, bool Value)[] _flags = [("true", true), ("false", false)];

    public static void Map(IEndpointRouteBuilder links) => links.MapPost("/", HandleAsync)
        .RequireClusterAccess()
        .Describe("ImportLinks", "Takes over links of mail that another system sent, a line of JSON each; says which lines "
            + "were left out and why. The same lines again change nothing.")
        .AddOpenApiOperationTransformer(async (operation, context, cancellationToken) =>
        {
            var schema = await context.GetOrCreateSchemaAsync(typeof(ImportedLinkDocument), null, cancellationToken);
            schema.Required = new HashSet<string> { "host", "path" };
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = true,
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    [ExportEvents.Ndjson] = new() { Schema = schema },
                },
            };
        })
        .DescribeProblems(400, 413, 415);

    private static async Task<Results<Ok<ImportLinksResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        [AsParameters] ImportLinksQuery query,
        HttpRequest request,
        ApiKeyHolder holder,
        StoreImportedLinks store,
        IOptions<ManagementOptions> options,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ImportLinksQuery>(request, errors);
        var isDryRun = ReadQuery.Choice("dryRun", query.DryRun, false, _flags, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        var type = request.GetTypedHeaders().ContentType?.MediaType.Value;
        if (type?.Equals(ExportEvents.Ndjson, StringComparison.OrdinalIgnoreCase) != true)
        {
            return Problems.UnsupportedMediaType(type, ExportEvents.Ndjson);
        }

        var (body, problem) = await ReadAsync(request, options.Value.MaxImportBytes, cancellationToken);
        if (body is null)
        {
            return problem!;
        }

        var leftOut = new List<LeftOutLine>();
        var lines = new List<ImportedLine>();
        if (!TryRead(body.GetBuffer().AsSpan(0, (int)body.Length), options.Value.MaxImportLines, lines, leftOut))
        {
            return Problems.Invalid(
                "body", "more lines", $"at most {options.Value.MaxImportLines} lines at once; send the rest after them");
        }

        var (stored, known) = await store.RunAsync(cluster, lines, leftOut, holder, isDryRun, cancellationToken);
        leftOut.Sort((one, other) => one.Line.CompareTo(other.Line));
        return TypedResults.Ok(new ImportLinksResponse(stored, known, leftOut));
    }

    private static async Task<(MemoryStream? Body, Problem? Problem)> ReadAsync(
        HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = maxBytes;
        }

        try
        {
            var body = new MemoryStream();
            await request.Body.CopyToAsync(body, cancellationToken);
            return (body, null);
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return (null, Problems.TooLarge("body", maxBytes));
        }
    }

    private static bool TryRead(
        ReadOnlySpan<byte> body, int maxLines, List<ImportedLine> lines, List<LeftOutLine> leftOut)
    {
        var number = 0;
        foreach (var range in body.Split((byte)'\n'))
        {
            var line = body[range].Trim(" \t\r"u8);
            number++;
            if (line.IsEmpty)
            {
                continue;
            }

            if (lines.Count + leftOut.Count == maxLines)
            {
                return false;
            }

            if (ImportedLine.Read(number, line, out var reason) is { } read)
            {
                lines.Add(read);
            }
            else
            {
                leftOut.Add(new LeftOutLine(number, reason));
            }
        }

        return true;
    }
}

/// <summary>The query of <see cref="ImportLinks"/>.</summary>
internal sealed class ImportLinksQuery
{
    /// <summary>Only say what would be stored.</summary>
    [FromQuery(Name = "dryRun"), Description("true: stores nothing, says what would be stored and left out.")]
    public string? DryRun { get; init; }
}
