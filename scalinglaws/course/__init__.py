"""What only the course needs: forecasts kept and scored, feedback on exercises."""
