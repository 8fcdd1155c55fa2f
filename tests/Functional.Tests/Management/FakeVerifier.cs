using System.Collections.Concurrent;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tracking.Bus;
using Tracking.Contracts;

namespace Tracking.Functional.Tests.Management;

/// <summary>Takes a verifier's messages and runs the action of the test for each name.</summary>
internal sealed class FakeVerifier
{
    /// <summary>The action on a call to verify, by name.</summary>
    public ConcurrentDictionary<string, Func<VerifyDomain, Task>> Verifications { get; } = new();

    /// <summary>The diagnosis, by name.</summary>
    public ConcurrentDictionary<string, string> Diagnoses { get; } = new();

    /// <summary>The CAA records by name, and the name that has them. For other names DNS does not answer.</summary>
    public ConcurrentDictionary<string, (string[] Records, string? FoundAt)> Caa { get; } = new();

    public void AddTo(IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton(new BusEndpoint(QueueNames.VerifyDomains, (_, queue) =>
            queue.Handler<VerifyDomain>(asked => Verifications.TryGetValue(asked.Message.Hostname, out var verify)
                ? verify(asked.Message)
                : Task.CompletedTask)));
        builder.Services.AddSingleton(new BusEndpoint(QueueNames.CheckNames, (context, queue) =>
            queue.Handler<CheckName>(asked =>
            {
                if (!Diagnoses.TryGetValue(asked.Message.Hostname, out var diagnosis))
                {
                    return Task.CompletedTask;
                }

                var caa = Caa.GetValueOrDefault(asked.Message.Hostname);
                return context.GetRequiredService<SendToQueue>().SendAsync(asked.Message.ReplyTo, new NameChecked
                {
                    Id = Guid.CreateVersion7(),
                    Request = asked.Message.Id,
                    Diagnosis = diagnosis,
                    Caa = caa.Records,
                    CaaFoundAt = caa.FoundAt,
                });
            })));
    }
}
