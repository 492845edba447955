using System.Text.Json;
using KlingPS.Sandbox.Faults;
using KlingPS.Sandbox.Http;
using KlingPS.Sandbox.State;
using KlingPS.Sandbox.Wire;

namespace KlingPS.Sandbox.Routes;

/// <summary>Routes that the service does not have, for another process to read the bill and add faults.</summary>
internal sealed class ControlRoutes(FaultPlan faults, Func<SandboxBill> getBill)
{
    private const int MaxBody = 1024 * 1024;

    internal IEnumerable<ApiRoute> All =>
    [
        new(LoopbackHost.Api, "POST", "sandbox/faults", null, PrepareFaultAsync),
        new(LoopbackHost.Api, "GET", "sandbox/bill", null, PrepareBillAsync),
    ];

    private async ValueTask<PreparedCall> PrepareFaultAsync(Exchange exchange, Account account, CancellationToken cancellationToken)
    {
        byte[]? body = await exchange.ReadBodyAsync(MaxBody, cancellationToken).ConfigureAwait(false);
        return new PreparedCall(exchange.Target, _ => body is null ? ApiResponse.Error(413, ServiceMessages.TooLarge) : AddFault(body));
    }

    private ApiResponse AddFault(byte[] body)
    {
        try
        {
            SandboxFault? fault = JsonSerializer.Deserialize(body, SandboxJsonContext.Default.SandboxFault);
            faults.Add(fault ?? throw new JsonException("The body is null."));
            return ApiResponse.Success(static writer => writer.WriteNullValue());
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            return ApiResponse.Error(400, exception.Message);
        }
    }

    private ValueTask<PreparedCall> PrepareBillAsync(Exchange exchange, Account account, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new PreparedCall(
            exchange.Target,
            _ => ApiResponse.Plain(JsonSerializer.SerializeToUtf8Bytes(getBill(), SandboxJsonContext.Default.SandboxBill))));
}
