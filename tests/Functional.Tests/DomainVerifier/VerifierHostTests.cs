using System.Collections.Concurrent;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database.Entities;
using Tracking.Domains;
using Tracking.DomainVerifier;
using Tracking.DomainVerifier.Verification;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.DomainVerifier;

/// <summary>The service in its program's composition. Only DNS comes from the test.</summary>
public sealed class VerifierHostTests(TestPostgres server)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_over_the_bus_is_answered_long_before_the_next_poll()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        await using var app = Host(database, ("Tracking:Verifier:LookInterval", "00:01:00"));
        await app.StartAsync(Cancelled);
        database.Time.MoveTo(TimeProvider.System.GetUtcNow());
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), "track.example.com");
        database.Dns["track.example.com"] = VerifierDatabase.TargetOf(id);
        await database.AskAsync(id);

        await app.Services.GetRequiredService<SendToQueue>().SendAsync(QueueNames.VerifyDomains, new VerifyDomain
        {
            Id = Guid.CreateVersion7(),
            Domain = id,
            Cluster = 1,
            Hostname = "track.example.com",
        });

        await Eventually.HoldsAsync(
            async () => (await database.ReadAsync(id)) is { Status: DomainStatus.Active } domain
                && domain.LastCheckedAt >= domain.CheckRequestedAt,
            "it is checked", Cancelled, TimeSpan.FromSeconds(50));
        await app.StopAsync(Cancelled);
    }

    [Fact]
    public async Task A_question_about_a_name_that_nobody_has_added_is_answered_on_the_queue_it_names()
    {
        var parents = new ConcurrentQueue<string>();
        await using var database = await VerifierDatabase.CreateAsync(server);
        var answered = new TaskCompletionSource<NameChecked>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var app = Host(
            database,
            services => services
                .AddSingleton(new BusEndpoint("answers-1", (_, queue) => queue.Handler<NameChecked>(
                    answer =>
                    {
                        answered.TrySetResult(answer.Message);
                        return Task.CompletedTask;
                    })))
                .Replace(ServiceDescriptor.Singleton<ReadTransportSecurity>((parent, _) =>
                {
                    parents.Enqueue(parent.Value);
                    return Task.FromResult<string?>("max-age=31536000; includeSubDomains");
                })));
        await app.StartAsync(Cancelled);
        database.Dns["track.example.com"] = "shops.example.org";
        var question = new CheckName
        {
            Id = Guid.CreateVersion7(),
            Hostname = "track.example.com",
            ReplyTo = "answers-1",
        };

        await app.Services.GetRequiredService<SendToQueue>().SendAsync(QueueNames.CheckNames, question);

        var answer = await answered.Task.WaitAsync(Eventually.Deadline, Cancelled);
        Assert.Equal(question.Id, answer.Request);
        var diagnosis = DomainDiagnosis.FromJson(answer.Diagnosis);
        Assert.Equal(
            ("track.example.com", DiagnosisOutcome.Looked, "track"),
            (diagnosis.Host.Value, diagnosis.Outcome, diagnosis.NameToEnter));

        // Who demands https is found as at a check of an added name.
        Assert.Equal(["example.com"], parents);
        Assert.Equal(
            [FindingCode.OtherTarget, FindingCode.HttpsForcedByParent],
            diagnosis.Findings.Select(finding => finding.Code));
        Assert.Contains("every name under example.com", diagnosis.Findings[1].Text, StringComparison.Ordinal);

        // Our resolver does not answer, so the answer is unknown.
        Assert.Null(answer.Caa);
        Assert.Equal(0L, await database.ScalarAsync<long>("SELECT count(*) FROM domains.checks"));
        await app.StopAsync(Cancelled);
    }

    private static WebApplication Host(VerifierDatabase database, params (string Key, string Value)[] settings) =>
        Host(database, _ => { }, settings);

    private static WebApplication Host(
        VerifierDatabase database, Action<IServiceCollection> add, params (string Key, string Value)[] settings)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = database.ServiceConnectionString,
            // No service listens there.
            ["Tracking:Dns:Resolvers:0"] = "127.0.0.1:1",
        });
        builder.Configuration.AddInMemoryCollection(
            settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.AddServiceDefaults();
        builder.AddDomainVerifier();
        builder.Services.Replace(ServiceDescriptor.Singleton<Diagnose>(database.DiagnoseAsync));
        builder.Services.Replace(
            ServiceDescriptor.Singleton<ReadTransportSecurity>((_, _) => Task.FromResult<string?>(null)));
        builder.Services.Replace(
            ServiceDescriptor.Singleton<VisitDomain>((_, _) => Task.FromResult<DomainFinding?>(null)));
        builder.Services.Replace(ServiceDescriptor.Singleton<Look>(database.LookAsync));
        add(builder.Services);
        builder.WebHost.UseSetting("urls", "http://127.0.0.1:0");
        var app = builder.Build();
        app.MapDomainVerifier();
        return app;
    }
}
