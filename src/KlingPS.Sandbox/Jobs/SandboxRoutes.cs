using System.Text.Json;
using KlingPS.Sandbox.Faults;
using KlingPS.Sandbox.Http;

namespace KlingPS.Sandbox.Jobs;

/// <summary>Routes the service does not have, so that another process can inspect and disturb the sandbox.</summary>
internal sealed class SandboxRoutes(FaultBook faults, Func<SandboxBill> getBill)
{
    private const int MaxBody = 1024 * 1024;

    internal IEnumerable<ApiRoute> All =>
    [
        new(LoopbackHost.Api, "POST", "sandbox/faults", null, PrepareFaultAsync),
        new(LoopbackHost.Api, "GET", "sandbox/bill", null, PrepareBillAsync),
    ];

    private async ValueTask<PreparedCall> PrepareFaultAsync(Exchange exchange, CancellationToken cancellationToken)
    {
        byte[]? body = await exchange.ReadBodyAsync(MaxBody, cancellationToken).ConfigureAwait(false);
        return new PreparedCall(exchange.Target, _ => AddFault(body));
    }

    private ApiAnswer AddFault(byte[]? body)
    {
        try
        {
            SandboxFault? fault = JsonSerializer.Deserialize(body, SandboxJsonContext.Default.SandboxFault);
            faults.Add(fault ?? throw new JsonException("The body is null."));
            return ApiAnswer.Success(static writer => writer.WriteNullValue());
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            return ApiAnswer.Refusal(400, exception.Message);
        }
    }

    private ValueTask<PreparedCall> PrepareBillAsync(Exchange exchange, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new PreparedCall(
            exchange.Target,
            _ => ApiAnswer.Plain(JsonSerializer.SerializeToUtf8Bytes(getBill(), SandboxJsonContext.Default.SandboxBill))));
}
