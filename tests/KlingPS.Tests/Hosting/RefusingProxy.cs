using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KlingPS.Tests.Hosting;

/// <summary>A proxy that asks who is there, remembers what it is told, and lets nobody through.</summary>
internal sealed class RefusingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly TaskCompletionSource _told = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _serving;

    public RefusingProxy()
    {
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        _serving = ServeAsync();
    }

    public Uri Address { get; }

    /// <summary>The heads of the requests it got.</summary>
    public ConcurrentQueue<string> Heads { get; } = new();

    /// <summary>Done when somebody has said who is there.</summary>
    public Task ToldAsync() => Eventually.DoneAsync(_told.Task, "credentials sent to the proxy");

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            TcpClient client;
            try
            {
                client = await _listener.AcceptTcpClientAsync();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return;
            }

            using (client)
            {
                await AnswerAsync(client.GetStream());
            }
        }
    }

    private async Task AnswerAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        var head = new StringBuilder();
        for (string? line = await reader.ReadLineAsync(); line is { Length: > 0 }; line = await reader.ReadLineAsync())
        {
            head.AppendLine(line);
        }

        Heads.Enqueue(head.ToString());
        bool isTold = head.ToString().Contains("Proxy-Authorization", StringComparison.OrdinalIgnoreCase);
        string answer = isTold
            ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            : "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
        if (isTold)
        {
            _told.TrySetResult();
        }
    }
}
