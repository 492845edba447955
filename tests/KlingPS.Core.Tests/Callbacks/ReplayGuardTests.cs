using KlingPS.Core.Callbacks;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class ReplayGuardTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void What_has_come_comes_in_no_more_until_its_time_is_over()
    {
        var guard = new ReplayGuard(TimeSpan.FromMinutes(10), _clock);

        Assert.True(guard.TryEnter("a"));
        Assert.True(guard.TryEnter("b"));
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.False(guard.TryEnter("a"));
        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.True(guard.TryEnter("a"));
    }

    [Fact]
    public void What_was_forgotten_may_come_once_more()
    {
        var guard = new ReplayGuard(TimeSpan.FromMinutes(10), _clock);
        guard.TryEnter("a");

        guard.Forget("a");

        Assert.True(guard.TryEnter("a"));
        Assert.False(guard.TryEnter("a"));
    }

    [Fact]
    public void What_comes_again_after_it_was_forgotten_is_remembered_for_as_long_as_anything_else()
    {
        var guard = new ReplayGuard(TimeSpan.FromMinutes(10), _clock);
        guard.TryEnter("a");
        _clock.Advance(TimeSpan.FromMinutes(9));
        guard.Forget("a");
        guard.TryEnter("a");

        _clock.Advance(TimeSpan.FromMinutes(2));

        Assert.False(guard.TryEnter("a"));
    }

    [Fact]
    public void However_many_come_it_remembers_no_more_than_the_latest()
    {
        var guard = new ReplayGuard(TimeSpan.FromMinutes(10), _clock);
        for (int i = 0; i < 50_001; i++)
        {
            Assert.True(guard.TryEnter($"{i}"));
        }

        Assert.False(guard.TryEnter("50000"));
        Assert.False(guard.TryEnter("2"));
        Assert.True(guard.TryEnter("0"));
    }
}
