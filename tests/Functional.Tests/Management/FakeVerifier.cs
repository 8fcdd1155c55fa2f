using System.Collections.Concurrent;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tracking.Bus;
using Tracking.Contracts;

namespace Tracking.Functional.Tests.Management;

/// <summary>Takes a verifier's messages, and does with each name what its test says.</summary>
internal sealed class FakeVerifier
{
    /// <summary>By name: what becomes of a call to verify it.</summary>
    public ConcurrentDictionary<string, Func<VerifyDomain, Task>> Verifications { get; } = new();

    /// <summary>By name: what DNS says of it.</summary>
    public ConcurrentDictionary<string, string> Diagnoses { get; } = new();

    /// <summary>By name: who may issue certificates, and which name says so. Of a name that is not here DNS says
    /// nothing.</summary>
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
