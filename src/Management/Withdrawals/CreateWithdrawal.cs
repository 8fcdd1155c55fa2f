using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Withdrawals;

/// <summary>The request to withdraw consent.</summary>
/// <param name="Recipient">The recipient's address, in upper or lower case.</param>
internal sealed record WithdrawalRequest(string Recipient);

/// <summary>The request to verify a receipt.</summary>
/// <param name="Signed">The receipt as it was signed, byte for byte.</param>
/// <param name="Signature">The signature of the receipt.</param>
internal sealed record VerifyReceiptRequest(string Signed, string Signature);

/// <summary>Whether a receipt is genuine.</summary>
/// <param name="Valid">Whether this installation signed exactly these bytes.</param>
internal sealed record VerifiedReceipt(bool Valid);

/// <summary><c>POST</c> and <c>GET /api/v1/clusters/{cluster}/withdrawals[/{id}]</c>: a recipient withdraws consent.
/// The withdrawal covers mail that is already sent.</summary>
internal static class CreateWithdrawal
{
    // RFC 5321 4.5.3.1.3: a path has at most 256 octets. Longer addresses exist and do no harm.
    private const int MaxRecipient = 500;

    // A receipt lists at most 100 endpoints and 100 exports.
    private const int MaxSigned = 200_000;

    public static void Map(IEndpointRouteBuilder withdrawals)
    {
        withdrawals.MapPost("/", PostAsync)
            .RequireClusterAccess()
            .Describe("WithdrawConsent", "A recipient withdraws consent: mail already sent is anonymised, and the answer "
                + "is a signed receipt.")
            .DescribeBody<WithdrawalRequest>(required: "recipient")
            .DescribeProblems(400, 413, 415);
        withdrawals.MapPost("/verify", VerifyAsync)
            .RequireClusterAccess()
            .Describe("VerifyReceipt", "Whether a receipt of a withdrawal is genuine.")
            .DescribeBody<VerifyReceiptRequest>(required: ["signed", "signature"])
            .DescribeProblems(400, 413, 415);
        withdrawals.MapGet("/", ListAsync)
            .RequireClusterAccess()
            .Describe("ListWithdrawals", "Lists withdrawals with their receipts, the newest first. They hold no address.")
            .DescribeProblems(400);
        withdrawals.MapGet("/{id}", GetAsync)
            .RequireClusterAccess()
            .Describe("GetWithdrawal", "A withdrawal with its receipt.");
    }

    /// <summary>Reads an address that can withdraw; <see langword="null"/> and an error if it is wrong.</summary>
    public static string? ReadRecipient(System.Text.Json.Nodes.JsonObject json, InputErrors errors)
    {
        var recipient = ReadJson.Name(json, "recipient", MaxRecipient, errors)?.TrimStart('<').TrimEnd('>');
        var at = recipient?.LastIndexOf('@') ?? 1;
        if (at <= 0 || at == recipient?.Length - 1)
        {
            errors.Add("recipient", $"got {Problems.Quote(recipient)}, takes an address such as anna@example.com.");
        }

        return errors.Any ? null : recipient;
    }

    /// <summary>A page of withdrawals, the newest first.</summary>
    public static async Task<Page<WithdrawalResponse>> ReadPageAsync(
        ApiDataSource dataSource,
        SignReceipt sign,
        ClusterId cluster,
        Guid? after,
        int limit,
        CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT id, withdrawn_at, receipt FROM rewrite.withdrawals
            WHERE cluster_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
            """);
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = (object?)after ?? DBNull.Value });
        command.Parameters.Add(new() { Value = limit + 1 });
        var rows = await ReadAsync(command, sign, cancellationToken);
        return new Page<WithdrawalResponse>(
            [.. rows.Take(limit)], rows.Count > limit ? Cursor.OfWithdrawal(rows[limit - 1].Id) : null);
    }

    /// <summary>A withdrawal of a cluster.</summary>
    public static async Task<WithdrawalResponse?> FindAsync(
        ApiDataSource dataSource, SignReceipt sign, ClusterId cluster, string id, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(id, out var guid))
        {
            return null;
        }

        await using var command = dataSource.CreateCommand(
            "SELECT id, withdrawn_at, receipt FROM rewrite.withdrawals WHERE cluster_id = $1 AND id = $2");
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = guid });
        return (await ReadAsync(command, sign, cancellationToken)).SingleOrDefault();
    }

    private static async Task<List<WithdrawalResponse>> ReadAsync(
        NpgsqlCommand command, SignReceipt sign, CancellationToken cancellationToken)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<WithdrawalResponse>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(WithdrawalResponse.Of(
                reader.GetGuid(0),
                reader.GetFieldValue<DateTimeOffset>(1),
                reader.IsDBNull(2) ? null : reader.GetString(2),
                sign));
        }

        return rows;
    }

    private static async Task<Results<Ok<WithdrawalResponse>, Problem>> PostAsync(
        ClusterId cluster,
        HttpRequest request,
        ApiKeyHolder holder,
        WithdrawConsent withdraw,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        var errors = new InputErrors();
        ReadJson.RefuseUnknown(json, "", ["recipient"], errors);
        return ReadRecipient(json, errors) is { } recipient
            ? TypedResults.Ok(await withdraw.RunAsync(cluster, recipient, holder, cancellationToken))
            : errors.ToProblem();
    }

    private static async Task<Results<Ok<VerifiedReceipt>, Problem>> VerifyAsync(
        ClusterId cluster, HttpRequest request, SignReceipt sign, CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        var errors = new InputErrors();
        ReadJson.RefuseUnknown(json, "", ["signed", "signature"], errors);
        var signed = ReadJson.Name(json, "signed", MaxSigned, errors);
        var signature = ReadJson.Name(json, "signature", 100, errors);
        return errors.Any
            ? errors.ToProblem()
            : TypedResults.Ok(new VerifiedReceipt(sign.IsOurs(signed!, signature!)));
    }

    private static async Task<Results<Ok<Page<WithdrawalResponse>>, Problem>> ListAsync(
        ClusterId cluster,
        [AsParameters] ListWithdrawalsQuery query,
        HttpRequest request,
        ApiDataSource dataSource,
        SignReceipt sign,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListWithdrawalsQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        var after = ReadQuery.After(query.After, Cursor.TryReadWithdrawal, errors);
        return errors.Any
            ? errors.ToProblem()
            : TypedResults.Ok(await ReadPageAsync(dataSource, sign, cluster, after, limit, cancellationToken));
    }

    private static async Task<Results<Ok<WithdrawalResponse>, Problem>> GetAsync(
        ClusterId cluster,
        string id,
        ApiDataSource dataSource,
        SignReceipt sign,
        CancellationToken cancellationToken) =>
        await FindAsync(dataSource, sign, cluster, id, cancellationToken) is { } found
            ? TypedResults.Ok(found)
            : Problems.NotFound("withdrawal", id, "GET the list of the cluster's withdrawals.");
}

/// <summary>The query of <see cref="CreateWithdrawal"/>'s list.</summary>
internal sealed class ListWithdrawalsQuery
{
    /// <summary>The number of items on the page.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>The position at which the page continues.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}
